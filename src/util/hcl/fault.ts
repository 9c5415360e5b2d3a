/** Something wrong in the configuration. */
export interface ConfigFault {
  /** Undefined when it is about all files together, such as a block that is missing. */
  readonly file?: string
  /** Counts from 1; undefined when it is about the file as a whole. */
  readonly line?: number
  /** The setting or the block that is wrong, as far as there is one. */
  readonly setting?: string
  /** What is wrong, and what to write instead. */
  readonly message: string
  /** Of an unknown setting: those that its block has, and the one that was probably meant. */
  readonly known?: readonly string[]
  readonly meant?: string
}

/** A fault as one line: `file:line: message`. */
export function faultText({ file, line, message }: ConfigFault): string {
  if (file === undefined) return message
  return `${file}:${line === undefined ? '' : `${line}:`} ${message}`
}
