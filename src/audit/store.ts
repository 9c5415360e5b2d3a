import type { AuditDeviceSpec } from '../contract/audit.ts'
import { Fault } from '../contract/fault.ts'
import type { View } from '../contract/view.ts'
import { base64, fromBase64 } from '../util/bytes.ts'
import { isBase64, isCount, isFlag, isMapOf, isName, isText, shapeOf } from '../util/stored/shape.ts'
import { type Shape } from '../util/stored/shape.ts'

interface Salt {
  /** Base64, 32 bytes. */
  readonly salt: string
  readonly generation: number
}
type Headers = Readonly<Record<string, boolean>>

const saltShape = shapeOf<Salt>('a salt of an audit device', { salt: isBase64, generation: isCount })
const headersShape: Shape<Headers> = {
  about: 'audited request headers',
  is: (value): value is Headers => isMapOf(isFlag, isName)(value),
}
const deviceShape = shapeOf<AuditDeviceSpec>('an audit device', {
  path: (value) => typeof value === 'string' && /.\/$/.test(value),
  type: isName,
  description: isText,
  local: isFlag,
  options: isMapOf(isText),
})

/**
 * The audit log's records behind the barrier: the devices enabled through the API, all salts, including former ones (so
 * that old lines can always be searched for a string), and the request headers to record.
 */
export class AuditStore {
  readonly view: View
  readonly #random: (bytes: number) => Uint8Array

  constructor(view: View, random: (bytes: number) => Uint8Array) {
    this.view = view
    this.#random = random
  }

  async devices(): Promise<readonly AuditDeviceSpec[]> {
    const names = await this.view.list('device/')
    const specs = await Promise.all(names.map(async (name) => this.view.get(`device/${name}`, deviceShape)))
    return specs.filter((spec) => spec !== undefined)
  }

  async add(spec: AuditDeviceSpec): Promise<void> {
    await this.view.put(`device/${encodeURIComponent(spec.path)}`, spec)
  }

  /** Forgets a device; its salts stay. */
  async remove(path: string): Promise<void> {
    await this.view.del(`device/${encodeURIComponent(path)}`)
  }

  /** The current salt of a path, created at first use. `fresh` begins a new generation; old ones are never removed. */
  async salt(path: string, fresh: boolean): Promise<Uint8Array> {
    const name = encodeURIComponent(path)
    const { salt } = await this.view.transaction(async (tx) => {
      const stored = await tx.get(`salt/${name}`, saltShape)
      if (stored && !fresh) return stored
      const next: Salt = { salt: base64(this.#random(32)), generation: (stored?.generation ?? 0) + 1 }
      if (stored) tx.put(`old-salt/${name}/${stored.generation}`, stored)
      tx.put(`salt/${name}`, next)
      return next
    })
    const bytes = fromBase64(salt)
    // The secrecy of the salt is the only protection of the hashes: never continue with another one.
    if (bytes?.length !== 32) throw new Fault('internal', 'the stored salt of an audit device cannot be read')
    return bytes
  }

  /** The salt of a generation of a path: the current or an older one. Undefined if it never existed. */
  async oldSalt(path: string, generation: number): Promise<Uint8Array | undefined> {
    const name = encodeURIComponent(path)
    const present = await this.view.get(`salt/${name}`, saltShape)
    const found =
      present?.generation === generation ? present : await this.view.get(`old-salt/${name}/${generation}`, saltShape)
    return found && fromBase64(found.salt)
  }

  /** Request headers to record, sorted by name; true: hashed. */
  async headers(): Promise<ReadonlyMap<string, boolean>> {
    return inOrder((await this.view.get('headers', headersShape)) ?? {})
  }

  /** Records a header from now on, or (undefined) no longer. */
  async setHeader(name: string, hashed: boolean | undefined): Promise<ReadonlyMap<string, boolean>> {
    return this.view.transaction(async (tx) => {
      const { [name]: _, ...others } = (await tx.get('headers', headersShape)) ?? {}
      const all = hashed === undefined ? others : { ...others, [name]: hashed }
      tx.put('headers', all)
      return inOrder(all)
    })
  }
}

function inOrder(headers: Headers): ReadonlyMap<string, boolean> {
  return new Map(Object.entries(headers).sort(([a], [b]) => (a < b ? -1 : 1)))
}
