import type { Engine, EngineHost, Renewal, RenewalRequest } from '../../contract/engine.ts'
import { Fault, refuse } from '../../contract/fault.ts'
import type { NamespaceId, TokenRecord } from '../../contract/identity.ts'
import { apiPathOf } from '../../contract/mount.ts'
import type { MountRecord, MountSpec } from '../../contract/mount.ts'
import type { Closer } from '../../contract/storage.ts'
import type { Transaction, View } from '../../contract/view.ts'
import { smallerLimit } from '../../contract/token-params.ts'
import type { Bounds } from '../../contract/token-params.ts'
import type { TokenStore } from '../../tokens/store.ts'
import { hex } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { Lockouts } from '../authentication/lockouts.ts'
import type { Freshness } from '../freshness.ts'
import type { Mount } from './mount.ts'
import { Router } from '../request/router.ts'
import { Trie } from '../request/trie.ts'
import { mountShape } from './mount-shape.ts'
import { perObject } from '../../util/caches/per-object.ts'

/** The parts that the mount table of a namespace needs. */
export interface MountParts {
  /** The whole barrier. */
  readonly view: View
  readonly freshness: Freshness
  /** Where everything of the namespace lies in it: `mounts/…` and `mount/<uuid>/…` below this. */
  readonly folder: string
  readonly namespace: NamespaceId
  /** The names of the namespaces inside this one, each with a slash; guarded: a commit fails if one is made meanwhile. */
  readonly children: (tx: Transaction) => Promise<readonly string[]>
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

/** The limits of a renewal, and the groups of whoever logged in as the mount knows them now. */
export interface RenewalOfMount extends Bounds, Pick<Renewal, 'ttl'> {
  readonly groups?: { readonly mountAccessor: string; readonly names: readonly string[] }
}

/** Engines are alike in all namespaces: each has one trie. */
const trieOf = perObject((engine: Engine) => new Trie(engine.routes))

/** The mount table of a namespace: which engine answers where. Kept in the barrier, opened at unseal. */
export class Mounts {
  readonly router = new Router()
  readonly #parts: MountParts
  readonly #table: string
  #watch: Closer | undefined

  private constructor(parts: MountParts) {
    this.#parts = parts
    this.#table = `${parts.folder}mounts/`
  }

  /** A table of which nothing is open: that of a namespace that is being removed. */
  static closed(parts: MountParts): Mounts {
    return new Mounts(parts)
  }

  /** Opens every mount, makes the built-in ones that are missing, and finishes removals that a crash interrupted. */
  static async open(parts: MountParts, builtin: readonly MountSpec[]): Promise<Mounts> {
    const mounts = new Mounts(parts)
    mounts.#watch = await parts.freshness.follow(parts.view, mounts.#table, async (uuids) => mounts.#follow(uuids))
    for (const spec of builtin) if (!mounts.at(apiPathOf(spec))) await mounts.enable(spec, true)
    const records = await parts.view.transaction(async (tx) => mounts.records(tx))
    for (const record of records) if (record.removing) await mounts.#purge(record)
    return mounts
  }

  /** Its namespace is gone. */
  close(): void {
    this.#watch?.close()
    for (const { record } of this.router.all()) this.#parts.lockouts.forget(record)
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

  /** Lets every mount remove what it stores for a token of this namespace that was revoked or has expired. */
  async tokenEnded(token: TokenRecord): Promise<void> {
    for (const { engine, state } of this.router.all()) await engine.tokenEnded?.(state, token)
  }

  /** Lets every mount do what it has to do by itself. One that fails is logged and does not hold up the others. */
  async tend(): Promise<void> {
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

  /**
   * The limits of a renewal of a token of this namespace: the TTLs in force for the mount that created it, the mount's own
   * judgement, and the token's explicit maximum, which always counts.
   * @throws Fault when that mount refuses the renewal
   */
  async renewal(token: TokenRecord, request: RenewalRequest): Promise<RenewalOfMount> {
    const mounts = this.router.all()
    const mount = mounts.find(({ record, apiPath }) =>
      token.mount === undefined ? apiPath === 'auth/token/' : record.uuid === token.mount,
    )
    const own = await mount?.engine.renew?.(mount.state, token.loginData ?? {}, token, request)
    if (!mount || !own) throw refuse('lease is not renewable')
    const { defaultTtl, maxTtl } = this.limits(mount.record)
    return {
      defaultTtl,
      maxTtl: smallerLimit(maxTtl, own.maxTtl),
      period: own.period,
      explicitMaxTtl: smallerLimit(token.explicitMaxTtl, own.explicitMaxTtl),
      ...(own.ttl !== undefined && { ttl: own.ttl }),
      ...(own.groupAliases && { groups: { mountAccessor: mount.record.accessor, names: own.groupAliases } }),
    }
  }

  /** @throws Fault invalid_request when the type is unknown or the path is taken. */
  async enable(spec: MountSpec, builtin = false): Promise<void> {
    const record = freshMount(this.#parts, spec, builtin)
    this.#engineOf(record)
    try {
      await this.#parts.view.transaction(async (tx) => {
        await this.#refuseConflict(record, tx)
        tx.put(this.#table + record.uuid, record)
      })
    } catch (thrown) {
      // The storage may have taken it all the same: then it is mounted by now.
      if (this.at(apiPathOf(record))?.uuid !== record.uuid) throw thrown
    }
  }

  /** Removes a mount, its tokens and all its data, the tokens being refused at once; absent is fine. A crash in the middle is finished at the next unseal. */
  async disable(apiPath: string): Promise<void> {
    const record = this.at(apiPath)
    if (!record) return
    const removing = { ...record, removing: true }
    await this.#parts.view.put(this.#table + record.uuid, removing)
    await this.#purge(removing)
    await this.#parts.tokens.finishRevocations()
  }

  /** Changes description, options or configuration. */
  async tune(apiPath: string, change: Partial<Pick<MountRecord, 'description' | 'options' | 'config'>>): Promise<void> {
    const mount = this.#mounted(apiPath)
    await this.#parts.view.transaction(async (tx) => {
      const current = await this.#current(tx, mount.record)
      const next = { ...current, ...change }
      this.#engineOf(next)
      tx.put(this.#table + current.uuid, next)
    })
  }

  /** The versions that an engine type comes in, the usual one first; undefined for a type without. */
  versions(type: string): readonly string[] | undefined {
    const versions = this.#parts.engines.filter((engine) => engine.type === type).map(({ version }) => version)
    const named = versions.filter((version) => version !== undefined)
    return named.length > 0 ? named : undefined
  }

  /** Whether failed logins lock users of a type of login method out. */
  locksOut(type: string): boolean {
    return this.#parts.engines.some((engine) => engine.kind === 'auth' && engine.type === type && engine.locksOut)
  }

  /** Moves a mount with its data to another path of the same kind. */
  async move(from: string, to: string): Promise<void> {
    const mount = this.#mounted(from)
    await this.#parts.view.transaction(async (tx) => {
      const current = await this.#current(tx, mount.record)
      const next = { ...current, path: current.kind === 'auth' ? to.slice('auth/'.length) : to }
      await this.#refuseConflict(next, tx)
      tx.put(this.#table + next.uuid, next)
    })
  }

  /** Brings the router to what the table has of these mounts; undefined: of all. */
  async #follow(uuids: readonly string[] | undefined): Promise<void> {
    const mounted = this.router.all().map(({ record }) => record.uuid)
    const all = uuids ?? new Set([...mounted, ...(await this.#parts.view.list(this.#table))])
    for (const uuid of all) await this.#followOne(uuid, await this.#parts.view.get(this.#table + uuid, mountShape))
  }

  async #followOne(uuid: string, record: MountRecord | undefined): Promise<void> {
    const mount = this.router.all().find((one) => one.record.uuid === uuid)
    if (!record || record.removing) {
      if (!mount) return
      this.router.remove(mount.apiPath)
      this.#parts.tokens.forget()
      this.#parts.lockouts.forget(mount.record)
      return
    }
    const apiPath = apiPathOf(record)
    const same = mount?.engine === this.#engineOf(record) ? mount : await this.#start(record)
    if (same === mount && mount.apiPath === apiPath) mount.record = record
    else {
      if (mount) this.router.remove(mount.apiPath)
      this.router.add({ ...same, record, apiPath })
    }
  }

  #mounted(apiPath: string): Mount {
    const mount = this.router.mountOf(apiPath)
    if (mount?.apiPath !== apiPath) throw refuse(`no mount at ${apiPath}`)
    return mount
  }

  /** The whole table, guarded: a transaction of the whole barrier fails if anything in it changes meanwhile. */
  async records(tx: Transaction): Promise<MountRecord[]> {
    tx.unchanged(this.#table)
    const names = await this.#parts.view.list(this.#table)
    const records = await Promise.all(names.map(async (name) => tx.get(this.#table + name, mountShape)))
    return records.filter((record) => record !== undefined)
  }

  async #current(tx: Transaction, { uuid, path }: MountRecord): Promise<MountRecord> {
    const current = await tx.get(this.#table + uuid, mountShape)
    if (!current || current.removing) throw new Fault('not_found', `no mount at ${path}`)
    return current
  }

  /** One path may be neither at, above nor below another, be it of a mount or of a namespace. */
  async #refuseConflict(record: MountRecord, tx: Transaction): Promise<void> {
    const path = apiPathOf(record)
    const others = (await this.records(tx)).filter(({ uuid }) => uuid !== record.uuid)
    const mount = others.find((other) => overlap(apiPathOf(other), path))
    if (mount) throw refuse(`path is already in use at ${mount.path}`)
    const namespace = (await this.#parts.children(tx)).find((name) => overlap(name, path))
    if (namespace !== undefined) throw refuse(`path is already in use by the namespace ${namespace}`)
  }

  #engineOf(record: Pick<MountRecord, 'type' | 'kind' | 'options'>): Engine {
    const offered = this.#parts.engines.filter(({ type, kind }) => type === record.type && kind === record.kind)
    const version = record.options?.['version'] ?? offered[0]?.version
    const engine = offered.find((one) => one.version === version)
    if (engine) return engine
    const builtin = new Set(this.router.all().flatMap((mount) => (mount.record.builtin ? [mount.record.type] : [])))
    const types = new Set(this.#parts.engines.filter(({ kind }) => kind === record.kind).map(({ type }) => type))
    const offer = [...types].filter((type) => !builtin.has(type)).join(', ')
    const what = record.kind === 'auth' ? 'auth method' : 'secrets engine'
    const choice = offer === '' ? 'this server has none that can be enabled' : `this server has: ${offer}`
    throw refuse(`there is no ${what} of type "${record.type}"; ${choice}`)
  }

  async #start(record: MountRecord): Promise<Mount> {
    const engine = this.#engineOf(record)
    const apiPath = apiPathOf(record)
    const current = (): MountRecord => this.byUuid(record.uuid) ?? record
    const host: EngineHost = {
      view: this.#dataOf(record),
      clock: this.#parts.clock,
      log: this.#parts.log,
      accessor: record.accessor,
      namespace: record.namespace,
      limits: () => this.limits(current()),
      mayLogIn: (alias, isProven) => this.#parts.lockouts.mayLogIn(current(), alias, isProven),
    }
    return { record, apiPath, engine, state: await engine.start(host), trie: trieOf(engine) }
  }

  /** The caller, or the start of the server, then finishes the revocation of tokens below those of the mount. */
  async #purge(record: MountRecord): Promise<void> {
    if (record.kind === 'auth') {
      await this.#parts.tokens.endAllOfMount(record.namespace, record.uuid)
      for (const { engine, state } of this.router.all()) await engine.mountRemoved?.(state, record)
    }
    await this.#dataOf(record).clear('')
    await this.#parts.view.del(this.#table + record.uuid)
  }

  #dataOf(record: MountRecord): View {
    return this.#parts.view.under(`${this.#parts.folder}mount/${record.uuid}/`)
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

/** Whether one of two paths lies within the other. */
export function overlap(a: string, b: string): boolean {
  return a.startsWith(b) || b.startsWith(a)
}
