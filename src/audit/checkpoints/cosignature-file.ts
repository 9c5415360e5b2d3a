/** The file of cosigned checkpoints of the live log file at a path: the newest of each log and witness. */
export function cosignatureFileOf(livePath: string): string {
  return `${livePath}.cosignatures`
}
