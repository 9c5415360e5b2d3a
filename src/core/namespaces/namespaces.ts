import { createHash, timingSafeEqual } from 'node:crypto'
import { Fault, refuse } from '../../contract/fault.ts'
import type { NamespaceId, TokenRecord } from '../../contract/identity.ts'
import { apiPathOf } from '../../contract/mount.ts'
import type { Transaction, View } from '../../contract/view.ts'
import type { TokenStore } from '../../tokens/store.ts'
import { base62 } from '../../util/base62.ts'
import { Mutex } from '../../util/mutex.ts'
import type { Freshness } from '../freshness.ts'
import { Namespace, entryIn, folderOf, namespaceShape, rootRecord } from './namespace.ts'
import type { NamespaceContent, NamespaceRecord } from './namespace.ts'
import { checkNewName, checkedMetadata, namespaceName } from './names.ts'
import { overlap } from '../mounts/mount-table.ts'

/** The parts that the table of namespaces needs. */
export interface NamespacesParts {
  /** The whole barrier. */
  readonly view: View
  readonly freshness: Freshness
  readonly tokens: Pick<TokenStore, 'forget' | 'endAllOf'>
  readonly random: (bytes: number) => Uint8Array
  readonly uuid: () => string
  /** The first records of a namespace, by their names in its folder; written in one commit with it. */
  readonly seed: (record: NamespaceRecord) => readonly (readonly [name: string, value: unknown])[]
  /** Loads the parts of a namespace. */
  readonly load: (record: NamespaceRecord, children: Guard) => Promise<NamespaceContent>
}

/** Names of mounts in a namespace, each with a slash; guarded. */
export type Guard = (tx: Transaction) => Promise<readonly string[]>

type Metadata = Readonly<Record<string, string>>

/**
 * All namespaces: records at `core/namespace/<uuid of the parent>/<name>`, and the tree of loaded ones. A record is
 * changed by a guarded commit, and the tree is then updated from the records.
 */
export class Namespaces {
  readonly root: Namespace
  readonly #parts: NamespacesParts
  readonly #byId = new Map<NamespaceId, Namespace>()
  readonly #purging = new Mutex()

  private constructor(parts: NamespacesParts, root: Namespace) {
    this.#parts = parts
    this.root = root
    this.#byId.set(root.id, root)
  }

  /** Loads the root namespace and all below it. */
  static async open(parts: NamespacesParts): Promise<Namespaces> {
    const root = await parts.load(rootRecord, async (tx) => children(parts.view, rootRecord, tx))
    const namespaces = new Namespaces(parts, new Namespace(rootRecord, undefined, root))
    await parts.freshness.follow(parts.view, 'core/namespace/', async (names) => namespaces.#follow(names))
    await namespaces.#clearRemains()
    return namespaces
  }

  byId(id: NamespaceId): Namespace | undefined {
    return this.#byId.get(id)
  }

  /** Whether the namespace of a token exists, and the mount that created it, and neither is being removed. */
  lives({ namespace: id, mount }: Pick<TokenRecord, 'namespace' | 'mount'>): boolean {
    const namespace = this.#byId.get(id)
    if (!namespace || namespace.record.removing) return false
    return mount === undefined || namespace.mounts.byUuid(mount) !== undefined
  }

  /** All of them, the root one first. */
  all(): Namespace[] {
    return [this.root, ...this.root.below()]
  }

  /** The namespace at a path below another; '' is that one itself. */
  at(from: Namespace, path: string): Namespace | undefined {
    let found: Namespace | undefined = from
    for (const name of path.split('/').filter((segment) => segment !== '')) found = found?.children.get(name)
    return found
  }

  /** Creates a namespace, or replaces its metadata. @throws Fault invalid_request */
  async set(parent: Namespace, path: string, metadata: Metadata): Promise<NamespaceRecord> {
    const customMetadata = checkedMetadata(metadata)
    const name = namespaceName(path)
    return this.#change(parent, name, async (old, tx) => {
      if (old) return { ...old, customMetadata }
      checkNewName(name, parent.path)
      await this.#refuseConflict(parent, name, tx)
      const fresh = { ...this.#fresh(parent, name), customMetadata }
      for (const [inside, value] of this.#parts.seed(fresh)) tx.put(folderOf(fresh) + inside, value)
      return fresh
    })
  }

  /** Changes notes: null removes one, or all. @throws Fault not_found, invalid_request */
  async patch(parent: Namespace, path: string, change: Readonly<Record<string, string | null>> | null) {
    const name = namespaceName(path)
    return this.#change(parent, name, async (old) => {
      if (!old) throw absent(parent, name)
      return { ...old, customMetadata: checkedMetadata(merged(old.customMetadata, change)) }
    })
  }

  /** Locks a namespace and all below it. @returns the unlock key; only its hash is stored */
  async lock(namespace: Namespace): Promise<string> {
    const key = base62(24, this.#parts.random)
    await this.#changeOwn(namespace, (old) => {
      const by = old.lock === undefined ? namespace.parent?.lockedBy() : namespace
      if (by) throw refuse(`cannot lock ${namespace.path}: ${by.path} is locked already`)
      return { ...old, lock: hashOf(key).toString('hex') }
    })
    return key
  }

  /** @param key undefined: the caller needs none. @throws Fault invalid_request */
  async unlock(namespace: Namespace, key: string | undefined): Promise<void> {
    await this.#changeOwn(namespace, ({ lock, ...unlocked }) => {
      const by = namespace.parent?.lockedBy()
      if (by) throw refuse(`cannot unlock ${namespace.path} while ${by.path} is locked`)
      if (lock === undefined) throw refuse(`the namespace ${namespace.path} is not locked`)
      if (key !== undefined && !timingSafeEqual(hashOf(key), Buffer.from(lock, 'hex')))
        throw refuse('incorrect unlock key')
      return unlocked
    })
  }

  /** Makes it inaccessible; its records are removed by `purge`. False if there is none. @throws Fault invalid_request */
  async remove(parent: Namespace, path: string): Promise<boolean> {
    const namespace = parent.children.get(namespaceName(path))
    if (!namespace) return false
    if (namespace.record.removing) return true
    await this.#changeOwn(namespace, async (old, tx) => {
      if ((await children(this.#parts.view, old, tx)).length > 0)
        throw refuse('unable to delete namespace containing child namespaces: remove those first')
      return { ...old, removing: true }
    })
    return true
  }

  /** Removes the rest of removed namespaces: tokens, then data, then the record. Can be interrupted anywhere and called again. */
  async purge(): Promise<void> {
    await this.#purging.run(async () => {
      for (const { record } of this.all().filter((namespace) => namespace.record.removing)) {
        await this.#parts.tokens.endAllOf(record.id)
        await this.#parts.view.clear(folderOf(record))
        await this.#parts.view.del(entryOf(record))
      }
    })
  }

  /** A guarded change of the record of a name; afterwards the tree is up to date. */
  async #change(
    parent: Namespace,
    name: string,
    next: (old: NamespaceRecord | undefined, tx: Transaction) => Promise<NamespaceRecord>,
  ): Promise<NamespaceRecord> {
    const entry = insideOf(parent.record) + encodeURIComponent(name)
    return this.#parts.view.transaction(async (tx) => {
      const old = await tx.get(entry, namespaceShape)
      if (old?.removing)
        throw refuse(`the namespace ${old.path} is being removed; try again when the removal is complete`)
      const record = await next(old, tx)
      tx.put(entry, record)
      return record
    })
  }

  async #changeOwn(
    namespace: Namespace,
    next: (old: NamespaceRecord, tx: Transaction) => NamespaceRecord | Promise<NamespaceRecord>,
  ): Promise<void> {
    const { parent, record } = namespace
    if (!parent) throw refuse('the root namespace can neither be locked, nor unlocked, nor removed')
    await this.#change(parent, namespace.name.slice(0, -1), async (old, tx) => {
      if (old?.uuid !== record.uuid) throw absent(parent, namespace.name)
      return next(old, tx)
    })
  }

  #fresh(parent: Namespace, name: string): NamespaceRecord {
    let id = base62(6, this.#parts.random)
    while (this.#byId.has(id)) id = base62(6, this.#parts.random)
    return {
      uuid: this.#parts.uuid(),
      id,
      parent: parent.record.uuid,
      path: `${parent.path}${name}/`,
      customMetadata: {},
    }
  }

  async #refuseConflict(parent: Namespace, name: string, tx: Transaction): Promise<void> {
    await refuseGone(parent.record, tx)
    const taken = (await parent.mounts.records(tx)).find((mount) => overlap(apiPathOf(mount), `${name}/`))
    if (taken) throw refuse(`new namespace conflicts with existing mount: ${apiPathOf(taken)}`)
  }

  /** Updates the tree from the records; `names` are `<uuid of the parent>/<name>`, undefined: all. */
  async #follow(names: readonly string[] | undefined): Promise<void> {
    if (names === undefined) await this.#followBelow(this.root)
    for (const name of names ?? []) {
      const [folder, entry] = [name.slice(0, name.indexOf('/') + 1), name.slice(name.indexOf('/') + 1)]
      const parent = this.all().find(({ record }) => insideOf(record) === `core/namespace/${folder}`)
      if (parent) await this.#followOne(parent, decodeURIComponent(entry))
    }
    // Cached tokens rest on their namespaces.
    this.#parts.tokens.forget()
  }

  async #followOne(parent: Namespace, name: string): Promise<void> {
    const stored = await this.#parts.view.get(insideOf(parent.record) + encodeURIComponent(name), namespaceShape)
    const open = parent.children.get(name)
    if (open && stored?.uuid === open.record.uuid) {
      open.record = stored
      return
    }
    if (open) {
      parent.children.delete(name)
      for (const removed of [open, ...open.below()]) {
        this.#byId.delete(removed.id)
        removed.close()
      }
    }
    if (stored) await this.#followBelow(await this.#enter(stored, parent))
  }

  async #followBelow(parent: Namespace): Promise<void> {
    const stored = await this.#parts.view.list(insideOf(parent.record))
    for (const name of new Set([...parent.children.keys(), ...stored.map(decodeURIComponent)])) {
      await this.#followOne(parent, name)
      const child = parent.children.get(name)
      if (child) await this.#followBelow(child)
    }
  }

  async #load(record: NamespaceRecord): Promise<NamespaceContent> {
    return this.#parts.load(record, async (tx) => children(this.#parts.view, record, tx))
  }

  async #enter(record: NamespaceRecord, parent: Namespace): Promise<Namespace> {
    const namespace = new Namespace(record, parent, await this.#load(record))
    parent.children.set(namespace.name.slice(0, -1), namespace)
    this.#byId.set(record.id, namespace)
    return namespace
  }

  /** Removes records that pending requests have written into a namespace after it was emptied. */
  async #clearRemains(): Promise<void> {
    const folders = new Set(this.all().map(({ record }) => `${record.uuid}/`))
    const all = await this.#parts.view.list('namespace/')
    for (const folder of all.filter((one) => !folders.has(one))) await this.#parts.view.clear(`namespace/${folder}`)
  }
}

const hashOf = (key: string): Buffer => createHash('sha256').update(key).digest()

const insideOf = ({ uuid }: NamespaceRecord): string => `core/namespace/${uuid === '' ? 'root' : uuid}/`

const entryOf = ({ parent, path }: NamespaceRecord): string =>
  entryIn({ uuid: parent }, path.slice(path.lastIndexOf('/', path.length - 2) + 1, -1))

/** A commit fails if the namespace is removed meanwhile. @throws Fault no_route if it no longer exists */
async function refuseGone(record: NamespaceRecord, tx: Transaction): Promise<void> {
  if (record.uuid === '') return
  const now = await tx.get(entryOf(record), namespaceShape)
  if (now?.uuid !== record.uuid || now.removing) throw new Fault('no_route', 'namespace not found')
}

/**
 * The names of the child namespaces, each with a slash, guarded: a commit fails if one is created, or this one is removed,
 * meanwhile.
 */
async function children(view: View, record: NamespaceRecord, tx: Transaction): Promise<readonly string[]> {
  await refuseGone(record, tx)
  tx.unchanged(insideOf(record))
  return (await view.list(insideOf(record))).map((name) => `${decodeURIComponent(name)}/`)
}

function absent(parent: Namespace, name: string): Fault {
  return new Fault('not_found', `there is no namespace ${parent.path}${name}`)
}

function merged(old: Metadata, change: Readonly<Record<string, string | null>> | null): Metadata {
  if (change === null) return {}
  const all = Object.entries({ ...old, ...change })
  return Object.fromEntries(all.flatMap(([name, value]) => (value === null ? [] : [[name, value]])))
}
