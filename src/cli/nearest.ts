/** The known word that is closest to a misspelt one, if any is close enough to be meant. */
export function nearest(written: string, known: readonly string[]): string | undefined {
  const scored = known.map((word) => ({ word, steps: distance(written, word) })).sort((a, b) => a.steps - b.steps)
  const [best] = scored
  return best && best.steps <= Math.max(1, Math.ceil(written.length / 3)) ? best.word : undefined
}

/** Levenshtein distance: letters to add, drop or change. */
function distance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let row = 1; row <= a.length; row++) {
    const line = [row]
    for (let at = 1; at <= b.length; at++) {
      const change = (above[at - 1] as number) + (a[row - 1] === b[at - 1] ? 0 : 1)
      line.push(Math.min(change, (above[at] as number) + 1, (line[at - 1] as number) + 1))
    }
    above = line
  }
  return above[b.length] as number
}
