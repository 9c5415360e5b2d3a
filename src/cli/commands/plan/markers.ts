import { randomBytes, scrypt } from 'node:crypto'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import { base64, fromBase64, sameBytes } from '../../../util/bytes.ts'
import { writeJson } from '../../../util/json.ts'
import { json, sorted } from '../../output/json.ts'
import { fileText } from '../../framework/request-data.ts'
import { UsageError } from '../../framework/flags.ts'
import { writeAtomically } from '../../framework/atomic-file.ts'

const derive = promisify<string, Uint8Array, number, Buffer>(scrypt)

/** A value that can be recognised, not read: scrypt with a salt. */
interface Marker {
  readonly salt: string
  readonly hash: string
}

/** What was sent of fields that servers do not show, in a file of the operator. */
export class Markers {
  readonly #file: string
  readonly #markers: Map<string, Marker>

  private constructor(file: string, markers: Map<string, Marker>) {
    this.#file = file
    this.#markers = markers
  }

  /** @throws UsageError for a file that is none of these */
  static read(file: string): Markers {
    if (!existsSync(file)) return new Markers(file, new Map())
    try {
      const { format, sent } = JSON.parse(fileText(file)) as { readonly format: number; readonly sent: object }
      if (format === 1) return new Markers(file, new Map(Object.entries(sent) as [string, Marker][]))
    } catch (thrown) {
      if (thrown instanceof UsageError) throw thrown
    }
    throw new UsageError(
      `${file} was not written by -state: name another file, or remove it to send all write-only fields again`,
    )
  }

  /** Whether this value was sent last. */
  async has(path: string, field: string, value: unknown): Promise<boolean> {
    const found = this.#markers.get(placeOf(path, field))
    const salt = found && fromBase64(found.salt)
    const hash = found && fromBase64(found.hash)
    return salt !== undefined && hash !== undefined && sameBytes(await hashed(value, salt), hash)
  }

  async set(path: string, field: string, value: unknown): Promise<void> {
    const salt = randomBytes(16)
    this.#markers.set(placeOf(path, field), { salt: base64(salt), hash: base64(await hashed(value, salt)) })
  }

  forget(path: string): void {
    for (const place of this.#markers.keys()) if (place.startsWith(`${path} `)) this.#markers.delete(place)
  }

  async save(): Promise<void> {
    const sent = Object.fromEntries([...this.#markers].sort(([a], [b]) => (a < b ? -1 : 1)))
    await writeAtomically(this.#file, bytesOf({ format: 1, sent }), true)
  }
}

async function* bytesOf(value: unknown): AsyncGenerator<Uint8Array> {
  yield Buffer.from(`${json(value)}\n`)
}

/** Paths have no blanks where it matters: a field has none. */
const placeOf = (path: string, field: string): string => `${path} ${field}`

/** scrypt of a value. */
export async function hashed(value: unknown, salt: Uint8Array): Promise<Uint8Array> {
  return derive(writeJson(fixed(value)), salt, 32)
}

const fixed = (value: unknown): unknown => json(sorted(value), { compact: true })
