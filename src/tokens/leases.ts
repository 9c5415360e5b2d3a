import { rootNamespace } from '../contract/identity.ts'
import type { NamespaceId, TokenRecord } from '../contract/identity.ts'
import type { Transaction, View } from '../contract/view.ts'
import { Refresh } from '../util/stored/refresh.ts'
import { scopeOf, scopes } from './scope.ts'
import { isName, isText, orAbsent, shapeOf } from '../util/stored/shape.ts'

/** A prefix whose leases were revoked together. Its stored name is `condemned/<unique>`. */
interface Note {
  readonly prefix: string
  /** Absent for the root namespace. */
  readonly namespace?: NamespaceId
}

const noteShape = shapeOf<Note>('a note about revoked leases', { prefix: isText, namespace: orAbsent(isName) })

/** Tokens created by the server itself (init, generate-root) have no lease, because no request path created them. */
const leaseless = 'auth/token/root'

/**
 * The leases of tokens: `<path of the request>/<id>` for every service token that was created by a request, in a folder for
 * each namespace. An entry is written with its token and removed with it, in the same commits, and never changed: its
 * revision is the time of the token's creation.
 *
 * Revoking all leases under a prefix is one commit as well: it writes a record, and from then on no token is valid whose
 * lease is under the prefix and older than this record. Removing the tokens' records takes time, and is resumed after a crash.
 */
export class Leases {
  readonly #view: View
  /** Revisions of the notes by their names. */
  readonly #revokedPrefixes = new Map<string, { readonly note: Note; readonly rev: bigint }>()

  readonly #refresh = new Refresh(async (names) => this.#read(names))
  #revoked: () => void = () => {}

  private constructor(view: View) {
    this.#view = view
  }

  static async open(view: View): Promise<Leases> {
    const leases = new Leases(view)
    view.watch('condemned/', async (names) => leases.#refresh.changed(names))
    await leases.#refresh.changed(undefined)
    return leases
  }

  /** Calls `revoked` whenever the leases under some prefix were revoked, by whomever. */
  onRevokedPrefix(revoked: () => void): void {
    this.#revoked = revoked
  }

  /** Part of the commit that creates a token. */
  note(tx: Transaction, record: TokenRecord): void {
    if (hasLease(record)) tx.put(entryOf(record), true)
  }

  /** Part of the commit that removes a token. */
  drop(tx: Transaction, record: TokenRecord): void {
    if (hasLease(record)) tx.del(entryOf(record))
  }

  /** The names directly under a prefix: ids, and folders with a trailing slash. In byte order. */
  async list(namespace: NamespaceId, prefix: string): Promise<string[]> {
    return this.#view.list(leasesOf(namespace) + folderOf(prefix))
  }

  /** How many leases a namespace has. */
  async count(namespace: NamespaceId): Promise<number> {
    return this.#view.count(leasesOf(namespace))
  }

  /** Whether this token's lease was revoked by a prefix. Its record may still exist. */
  async isUnderRevokedPrefix(record: TokenRecord): Promise<boolean> {
    if (this.#refresh.isStale) await this.#refresh.settle()
    if (this.#revokedPrefixes.size === 0 || !hasLease(record)) return false
    for (const { note, rev } of this.#revokedPrefixes.values()) {
      if (record.namespace !== (note.namespace ?? rootNamespace)) continue
      if (!`${record.path}/`.startsWith(note.prefix)) continue
      const entry = await this.#view.stored(entryOf(record))
      if (!entry || entry.rev < rev) return true
    }
    return false
  }

  /** Revokes all leases under a prefix, before it resolves. `unique` is part of the record's name. */
  async revokePrefix(namespace: NamespaceId, prefix: string, unique: string): Promise<void> {
    const note: Note = { prefix: folderOf(prefix), ...(namespace !== rootNamespace && { namespace }) }
    await this.#view.put(`condemned/${unique}`, note)
  }

  /** Removes the tokens under revoked prefixes. @param end removes one token and its child tokens, if it still exists */
  async finish(end: (id: string) => Promise<void>): Promise<void> {
    for (const [name, { note, rev }] of this.#revokedPrefixes) {
      const { namespace = rootNamespace, prefix } = note
      for await (const entry of this.#below(leasesOf(namespace) + prefix)) {
        const stored = await this.#view.stored(entry)
        if (!stored || stored.rev >= rev) continue
        await end(idOf(entry))
        // Removed with its token, unless there was none.
        if (await this.#view.get(entry)) await this.#view.del(entry)
      }
      await this.#view.del(`condemned/${name}`)
    }
  }

  /** Removes entries without a token. */
  async tidy(): Promise<void> {
    const below = (await this.#view.list(scopes)).map((folder) => `${scopes}${folder}lease/`)
    for (const folder of ['lease/', ...below])
      for await (const entry of this.#below(folder))
        await this.#view.transaction(async (tx) => {
          if (!(await tx.get(`id/${idOf(entry)}`))) tx.del(entry)
        })
  }

  async *#below(folder: string): AsyncGenerator<string> {
    for (const name of await this.#view.list(folder))
      if (name.endsWith('/')) yield* this.#below(folder + name)
      else yield folder + name
  }

  /** Reads notes by name; undefined: all. */
  async #read(names: readonly string[] | undefined): Promise<void> {
    const all = names ?? [...new Set([...this.#revokedPrefixes.keys(), ...(await this.#view.list('condemned/'))])]
    for (const name of all) {
      const stored = await this.#view.stored(`condemned/${name}`, noteShape)
      if (stored) this.#revokedPrefixes.set(name, { note: stored.value, rev: stored.rev })
      else this.#revokedPrefixes.delete(name)
    }
    this.#revoked()
  }
}

/** Whether a token has a lease. */
export function hasLease({ type, path }: TokenRecord): boolean {
  return type === 'service' && path !== leaseless
}

const leasesOf = (namespace: NamespaceId): string => `${scopeOf(namespace)}lease/`

const entryOf = ({ namespace, path, id }: TokenRecord): string => `${leasesOf(namespace)}${path}/${id}`

const idOf = (entry: string): string => entry.slice(entry.lastIndexOf('/') + 1)

/** A prefix by whole segments: `a/b` does not begin `a/bc`. */
const folderOf = (prefix: string): string => (prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`)
