/**
 * A JSON number that a JavaScript number would write differently (20 digits, `1.50`, `1e400`): kept as its text, so
 * that secrets survive unchanged. `util/json.ts` reads and writes it.
 */
export class Numeral {
  readonly literal: string

  constructor(literal: string) {
    this.literal = literal
  }

  /** JSON.stringify cannot write a bare number for us; our own writer catches this and takes over. */
  toJSON(): never {
    throw numeralMet
  }
}

/** Thrown by `Numeral.toJSON` to stop JSON.stringify. */
export const numeralMet = new Error('use util/json to write numerals')

/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>

/** JSON text of a value; `Numeral`s are written as the numbers they were. Members that are undefined are left out. */
export function writeJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'null'
  } catch (thrown) {
    if (thrown !== numeralMet) throw thrown
    return slowly(value) ?? 'null'
  }
}

function slowly(value: unknown): string | undefined {
  if (value instanceof Numeral) return value.literal
  if (value === undefined || typeof value === 'function') return undefined
  if (Array.isArray(value)) return `[${value.map((item) => slowly(item) ?? 'null').join(',')}]`
  if (value === null || typeof value !== 'object' || 'toJSON' in value) return JSON.stringify(value)
  const members: string[] = []
  for (const [name, member] of Object.entries(value)) {
    const written = slowly(member)
    if (written !== undefined) members.push(`${JSON.stringify(name)}:${written}`)
  }
  return `{${members.join(',')}}`
}
