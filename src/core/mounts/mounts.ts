import type { Engine, EngineHost, RenewalRequest } from '../../contract/engine.ts'
import { refuse } from '../../contract/fault.ts'
import type { NamespaceId, TokenRecord } from '../../contract/identity.ts'
import { apiPathOf } from '../../contract/mount.ts'
import type { MountRecord, MountSpec } from '../../contract/mount.ts'
import type { Closer } from '../../contract/storage.ts'
import type { Transaction, View } from '../../contract/view.ts'
import type { TokenStore } from '../../tokens/store.ts'
import { hex } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { Lockouts } from '../authentication/lockouts.ts'
import type { Freshness } from '../freshness.ts'
import type { Mount } from './mount.ts'
import { Router } from '../request/router.ts'
import { Trie } from '../request/trie.ts'
import { EngineTypes } from './engine-types.ts'
import { notRenewable, renewalBy } from './renewal.ts'
import type { RenewalOfMount } from './renewal.ts'
import { MountTable } from './mount-table.ts'
import type { TableParts } from './mount-table.ts'
import { perObject } from '../../util/caches/per-object.ts'

/** The parts that the mount table of a namespace needs. */
export interface MountParts extends TableParts {
  readonly freshness: Freshness
  readonly namespace: NamespaceId
  readonly tokens: Pick<TokenStore, 'forget' | 'endAllOfMount' | 'finishRevocations'>
  readonly lockouts: Pick<Lockouts, 'mayLogIn' | 'forget'>
  readonly engines: readonly Engine[]
  readonly clock: Clock
  readonly log: Log
  readonly random: (bytes: number) => Uint8Array
  readonly uuid: () => string
  /** System-wide TTLs in seconds. */
  readonly ttl: { readonly default: number; readonly max: number }
}

/** Engines are alike in all namespaces: each has one trie. */
const trieOf = perObject((engine: Engine) => new Trie(engine.routes))

/** The mounts of a namespace: the engine at each path. Stored in the barrier, started at unseal. */
export class Mounts {
  readonly router = new Router()
  readonly #parts: MountParts
  readonly #table: MountTable
  readonly #types: EngineTypes
  #watch: Closer | undefined

  private constructor(parts: MountParts) {
    this.#parts = parts
    this.#table = new MountTable(parts)
    this.#types = new EngineTypes(parts.engines)
  }

  /** A table without started mounts: that of a namespace that is being removed. */
  static closed(parts: MountParts): Mounts {
    return new Mounts(parts)
  }

  /** Starts every mount, creates the missing built-in ones, and completes removals that a crash interrupted. */
  static async open(parts: MountParts, builtin: readonly MountSpec[]): Promise<Mounts> {
    const mounts = new Mounts(parts)
    mounts.#watch = await parts.freshness.follow(parts.view, mounts.#table.folder, async (uuids) =>
      mounts.#follow(uuids),
    )
    for (const spec of builtin) if (!mounts.at(apiPathOf(spec))) await mounts.enable(spec, true)
    const records = await parts.view.transaction(async (tx) => mounts.records(tx))
    for (const record of records) if (record.removing) await mounts.#purge(record)
    return mounts
  }

  /** Its namespace was removed. */
  close(): void {
    this.#watch?.close()
    for (const mount of this.router.all()) {
      this.#parts.lockouts.forget(mount.record)
      endWatches(mount)
    }
  }

  /** Every mount of a kind, by path. */
  list(kind: MountRecord['kind']): MountRecord[] {
    const records = this.router.all().map((mount) => mount.record)
    return records.filter((record) => record.kind === kind).sort((a, b) => (a.path < b.path ? -1 : 1))
  }

  /** The mount at exactly this API path. */
  at(apiPath: string): MountRecord | undefined {
    const mount = this.router.mountOf(apiPath)
    return mount?.apiPath === apiPath ? mount.record : undefined
  }

  /** The state of the engine that is mounted at exactly this API path. */
  stateAt(apiPath: string): unknown {
    const mount = this.router.mountOf(apiPath)
    return mount?.apiPath === apiPath ? mount.state : undefined
  }

  /** The mount with this uuid, wherever it is now. */
  byUuid(uuid: string): MountRecord | undefined {
    return this.router.all().find(({ record }) => record.uuid === uuid)?.record
  }

  /** Makes every mount remove its data for a token of this namespace that was revoked or has expired. */
  async tokenEnded(token: TokenRecord): Promise<void> {
    for (const { engine, state } of this.router.all()) await engine.tokenEnded?.(state, token)
  }

  /** Runs the periodic work of every mount. A failure is logged and does not delay the others. */
  async tidy(): Promise<void> {
    for (const { engine, state, apiPath } of this.router.all()) {
      try {
        await engine.everyMinute?.(state)
      } catch (thrown) {
        const error = thrown instanceof Error ? thrown.name : 'unknown'
        this.#parts.log.warn('background tasks of a mount failed; they will be tried again', { mount: apiPath, error })
      }
    }
  }

  /** TTLs in force for a mount, seconds. */
  limits(record: MountRecord): { readonly defaultTtl: number; readonly maxTtl: number } {
    const maxTtl = record.config.max_lease_ttl || this.#parts.ttl.max
    return { defaultTtl: Math.min(record.config.default_lease_ttl || this.#parts.ttl.default, maxTtl), maxTtl }
  }

  /** See `renewalBy`. */
  async renewal(token: TokenRecord, request: RenewalRequest): Promise<RenewalOfMount> {
    const mount = this.router
      .all()
      .find(({ record, apiPath }) =>
        token.mount === undefined ? apiPath === 'auth/token/' : record.uuid === token.mount,
      )
    if (!mount) throw notRenewable()
    return renewalBy(mount, this.limits(mount.record), token, request)
  }

  /** @throws Fault invalid_request if the type is unknown or the path is taken. */
  async enable(spec: MountSpec, builtin = false): Promise<void> {
    const record = freshMount(this.#parts, spec, builtin)
    this.#engineOf(record)
    try {
      await this.#table.add(record)
    } catch (thrown) {
      // The storage may have written it nevertheless: then it is mounted by now.
      if (this.at(apiPathOf(record))?.uuid !== record.uuid) throw thrown
    }
  }

  /** Removes a mount, its tokens and all its data, the tokens being refused at once; no error if it does not exist. A crash in the middle is finished at the next unseal. */
  async disable(apiPath: string): Promise<void> {
    const record = this.at(apiPath)
    if (!record) return
    const removing = { ...record, removing: true }
    await this.#table.put(removing)
    await this.#purge(removing)
    await this.#parts.tokens.finishRevocations()
  }

  /** Changes description, options or configuration. */
  async tune(apiPath: string, change: Partial<Pick<MountRecord, 'description' | 'options' | 'config'>>): Promise<void> {
    const mount = this.#mounted(apiPath)
    await this.#table.change(mount.record, (current) => {
      const next = { ...current, ...change }
      this.#engineOf(next)
      return next
    })
  }

  /** See `EngineTypes`. */
  versions(type: string): readonly string[] | undefined {
    return this.#types.versions(type)
  }

  /** See `EngineTypes`. */
  locksOut(type: string): boolean {
    return this.#types.locksOut(type)
  }

  /** Moves a mount with its data to another path of the same kind. */
  async move(from: string, to: string): Promise<void> {
    const mount = this.#mounted(from)
    await this.#table.change(mount.record, (current) => ({
      ...current,
      path: current.kind === 'auth' ? to.slice('auth/'.length) : to,
    }))
  }

  /** Updates the router with these mounts of the table; undefined: all. */
  async #follow(uuids: readonly string[] | undefined): Promise<void> {
    const mounted = this.router.all().map(({ record }) => record.uuid)
    const all = uuids ?? new Set([...mounted, ...(await this.#table.uuids())])
    for (const uuid of all) await this.#followOne(uuid, await this.#table.get(uuid))
  }

  async #followOne(uuid: string, record: MountRecord | undefined): Promise<void> {
    const mount = this.router.all().find((one) => one.record.uuid === uuid)
    if (!record || record.removing) {
      if (!mount) return
      this.router.remove(mount.apiPath)
      this.#parts.tokens.forget()
      this.#parts.lockouts.forget(mount.record)
      endWatches(mount)
      return
    }
    const apiPath = apiPathOf(record)
    const same = mount?.engine === this.#engineOf(record) ? mount : await this.#start(record)
    if (same === mount && mount.apiPath === apiPath) mount.record = record
    else {
      if (mount) this.router.remove(mount.apiPath)
      if (mount && same !== mount) endWatches(mount)
      this.router.add({ ...same, record, apiPath })
    }
  }

  #mounted(apiPath: string): Mount {
    const mount = this.router.mountOf(apiPath)
    if (mount?.apiPath !== apiPath) throw refuse(`no mount at ${apiPath}`)
    return mount
  }

  /** See `MountTable`. */
  async records(tx: Transaction): Promise<MountRecord[]> {
    return this.#table.records(tx)
  }

  #engineOf(record: Pick<MountRecord, 'type' | 'kind' | 'options'>): Engine {
    const mounted = this.router.all().map((mount) => mount.record)
    return this.#types.engineOf(record, mounted)
  }

  async #start(record: MountRecord): Promise<Mount> {
    const engine = this.#engineOf(record)
    const apiPath = apiPathOf(record)
    const current = (): MountRecord => this.byUuid(record.uuid) ?? record
    const watches = new Set<Closer>()
    const host: EngineHost = {
      view: this.#dataOf(record, watches),
      clock: this.#parts.clock,
      log: this.#parts.log,
      accessor: record.accessor,
      namespace: record.namespace,
      limits: () => this.limits(current()),
      mayLogIn: (alias, isProven) => this.#parts.lockouts.mayLogIn(current(), alias, isProven),
    }
    try {
      return { record, apiPath, engine, state: await engine.start(host), trie: trieOf(engine), watches }
    } catch (thrown) {
      // It is started again at the next request.
      endWatches({ watches })
      throw thrown
    }
  }

  /** The caller, or the start of the server, then finishes the revocation of tokens below those of the mount. */
  async #purge(record: MountRecord): Promise<void> {
    if (record.kind === 'auth') {
      await this.#parts.tokens.endAllOfMount(record.namespace, record.uuid)
      for (const { engine, state } of this.router.all()) await engine.mountRemoved?.(state, record)
    }
    await this.#dataOf(record).clear('')
    await this.#table.remove(record)
  }

  #dataOf(record: MountRecord, watches?: Set<Closer>): View {
    return this.#parts.view.under(`${this.#parts.folder}mount/${record.uuid}/`, watches)
  }
}

/** The record of a mount to be. */
export function freshMount(
  { uuid, random, namespace }: Pick<MountParts, 'uuid' | 'random' | 'namespace'>,
  spec: MountSpec,
  builtin: boolean,
): MountRecord {
  const accessor = `${spec.kind === 'auth' ? 'auth_' : ''}${spec.type}_${hex(random(4))}`
  return { ...spec, uuid: uuid(), accessor, namespace, builtin }
}

function endWatches({ watches }: Pick<Mount, 'watches'>): void {
  for (const watch of watches) watch.close()
}
