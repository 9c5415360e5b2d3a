/** Stands before the chain of a line that was written while the server was sealed. */
export const bootMark = ',"salt":"boot"'

/** In all other lines, with the number of the newest commit that the storage had acknowledged when the line was written. */
const commitMark = ',"commit":'

/**
 * Lines that are written together, with their mark. A number assigned when each line was created could decrease: a line
 * about the log itself is created last and written first.
 */
export function marked(lines: readonly string[], commit: number | undefined): readonly string[] {
  if (commit === undefined) return lines
  return lines.map((line) => (line.endsWith(bootMark) ? line : `${line}${commitMark}${commit}`))
}

const mostDigits = 16

/**
 * The bytes before the chain of a line, which begins at `end`. No string of a caller can end like this: it ends in a quote or a
 * brace.
 */
export function markBefore(line: Buffer, from: number, end: number): 'boot' | { readonly commit: number } | undefined {
  let at = end
  while (at > from && end - at <= mostDigits && isDigit(line[at - 1])) at--
  if (at < end)
    return endsWith(line, from, at, commitMark) ? { commit: Number(line.toString('latin1', at, end)) } : undefined
  return endsWith(line, from, end, bootMark) ? 'boot' : undefined
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 48 && byte <= 57
}

function endsWith(line: Buffer, from: number, end: number, mark: string): boolean {
  return end - mark.length >= from && line.toString('latin1', end - mark.length, end) === mark
}
