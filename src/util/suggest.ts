/** The candidate that is closest to a misspelt name, if one is close enough. Names may have several words. */
export function suggest(input: string, candidates: readonly string[]): string | undefined {
  const scored = candidates.map((name) => ({ name, steps: distance(input, name) })).sort((a, b) => a.steps - b.steps)
  return scored.find(({ name, steps }) => isNear(input, name, steps))?.name
}

/** A typing error changes few letters of a word, and seldom more than one if the first is among them. */
function isNear(input: string, name: string, steps: number): boolean {
  const words = name.split(' ')
  const slips = input.split(' ').filter((word) => !words.includes(word))
  const first = slips.every((word) => words.some((one) => one[0] === word[0]))
  return steps <= (first ? Math.max(1, Math.ceil(slips.join('').length / 3)) : 1)
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
