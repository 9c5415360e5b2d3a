/** What a setting is for. */
export interface Description {
  readonly name: string
  readonly type: 'string' | 'path' | 'duration' | 'bytes' | 'integer' | 'boolean' | 'list' | 'block' | 'secret'
  /** As it is written in a file; empty: none, the setting may be left out; `required`. */
  readonly usual: string
  readonly about: string
  /** What SIGHUP does: the new value takes effect, or the file that it names is read or opened again. Otherwise the server needs a restart. */
  readonly reload?: 'value' | 'file'
}

/** A block, and what it has. */
export interface Stanza {
  /** As it is written in a file; empty for the settings outside blocks. */
  readonly name: string
  readonly about: string
  readonly settings: readonly Description[]
}

/** A row of a stanza. */
export function setting(
  name: string,
  type: Description['type'],
  usual: string,
  about: string,
  reload?: Description['reload'],
): Description {
  return { name, type, usual, about, ...(reload && { reload }) }
}
