import { createHmac, createSecretKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { rootNamespace } from '../contract/identity.ts'
import type { TokenRecord } from '../contract/identity.ts'
import { Fault, refuse } from '../contract/fault.ts'
import type { Transaction, View } from '../contract/view.ts'
import { base62 } from '../util/base62.ts'
import { base64, fromBase64 } from '../util/bytes.ts'
import { inCidrs } from '../util/cidr.ts'
import type { Clock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import type { Secret } from '../util/secret.ts'
import { batchClaims, batchRecord } from './batch.ts'
import { TokenSigner } from './jwt.ts'
import { Known } from './known.ts'
import { Leases } from './leases.ts'

/** What a new token is to be. TTLs in seconds; `ttl` 0 never ends (root only). */
export interface TokenSpec {
  readonly type: 'service' | 'batch'
  readonly policies: readonly string[]
  readonly path: string
  readonly role?: string
  readonly meta: Readonly<Record<string, string>> | null
  readonly displayName: string
  readonly ttl: number
  readonly explicitMaxTtl: number
  readonly period: number
  readonly numUses: number
  readonly renewable: boolean
  readonly parent?: TokenRecord
  readonly boundCidrs: readonly string[]
  readonly entityId: string
  /** A caller-chosen, opaque string instead of a JWT. */
  readonly opaque?: string
  /** A record that is made and removed in the same commits as the token (what a wrapping token opens). */
  readonly carries?: unknown
}

export interface TokenStoreParts {
  readonly view: View
  readonly clock: Clock
  readonly random: (bytes: number) => Uint8Array
  readonly log: Log
  /** TTLs in force for tokens, seconds. */
  readonly limits: () => { readonly defaultTtl: number; readonly maxTtl: number }
  /** Called for every token that is gone. */
  readonly onRevoke?: (record: TokenRecord) => Promise<void>
}

interface Keys {
  readonly signer: TokenSigner
  readonly salt: KeyObject
}

const longestToken = 8192
const minuteMs = 60_000
const hourMs = 60 * minuteMs

/**
 * All tokens. Service tokens are JWTs whose state lies here under a keyed hash of their `jti`; batch tokens carry their
 * state themselves. A token is good while it has not expired, has uses left, and every token above it is good: removing
 * one record therefore ends the whole tree below it at once, whatever happens to the sweep that removes the rest.
 */
export class TokenStore {
  readonly limits: TokenStoreParts['limits']
  readonly leases: Leases
  readonly #parts: TokenStoreParts
  readonly #view: View
  readonly #keys: Keys
  readonly #known = new Known()

  private constructor(parts: TokenStoreParts, keys: Keys, leases: Leases) {
    this.leases = leases
    this.#parts = parts
    this.#view = parts.view
    this.#keys = keys
    this.limits = parts.limits
  }

  static async open(parts: TokenStoreParts): Promise<TokenStore> {
    const store = new TokenStore(parts, await keysOf(parts), await Leases.open(parts.view))
    await store.#finishDoomed()
    return store
  }

  /** The record of a good token. Synchronous when the string was seen lately and nothing was revoked since. */
  resolve(bearer: Secret<string>): TokenRecord | undefined | Promise<TokenRecord | undefined> {
    const token = bearer.reveal()
    if (token.length > longestToken || token === '') return undefined
    const known = this.#known.get(token, this.#parts.clock.now())
    return known ?? this.#resolve(token)
  }

  /** A good token's record by its internal id. */
  async byId(id: string): Promise<TokenRecord | undefined> {
    const record = await this.#view.get<TokenRecord>(`id/${id}`)
    return record && (await this.#goodUntil(record)) !== undefined ? record : undefined
  }

  /** A good token's record by its accessor. */
  async byAccessor(accessor: string): Promise<TokenRecord | undefined> {
    const found = /^[\w.-]+$/.test(accessor)
      ? await this.#view.get<{ readonly id: string }>(`accessor/${accessor}`)
      : undefined
    return found && this.byId(found.id)
  }

  /** The record that a token carries. */
  async carriedBy(id: string): Promise<unknown> {
    return this.#view.get(`carried/${id}`)
  }

  /**
   * Ends a token that has a use left and gives what it carried: to exactly one caller, in one commit. Such a token has no
   * children and no drawer, so nothing else is to be ended.
   */
  async claim(id: string): Promise<unknown> {
    const carried = await this.#view.transaction(async (tx) => {
      const record = await tx.get<TokenRecord>(`id/${id}`)
      if (!record || (record.usesLeft ?? 0) <= 0 || (await this.#goodUntil(record)) === undefined) return undefined
      const content = await tx.get<unknown>(`carried/${id}`)
      if (content !== undefined) await this.#erase(tx, record)
      return content
    })
    this.#known.forget()
    return carried
  }

  /** All accessors, in byte order. */
  async accessors(): Promise<string[]> {
    return this.#view.list('accessor/')
  }

  /** Whether a token may be used from an address. Endless root tokens are never bound. */
  allowsAddress(record: TokenRecord, address: string): boolean {
    if (record.boundCidrs.length === 0 || (record.expiresAt === null && record.policies.includes('root'))) return true
    return inCidrs(record.boundCidrs, address)
  }

  /** @throws Fault invalid_request when the id is taken or the parent is gone. */
  async create(spec: TokenSpec): Promise<{ readonly token: string; readonly record: TokenRecord }> {
    const now = this.#parts.clock.now()
    const jti = base62(24, this.#parts.random)
    const expiresAt = spec.ttl > 0 ? now + spec.ttl * 1000 : null
    const { ttl, opaque, parent, carries, ...kept } = spec
    const record: TokenRecord = {
      ...kept,
      id: opaque === undefined ? this.#idOf('jti', jti) : this.#idOf('opaque', opaque),
      accessor: spec.type === 'batch' ? '' : base62(24, this.#parts.random),
      namespace: rootNamespace,
      ...(parent && { parent: parent.id }),
      issuedAt: now,
      creationTtl: ttl,
      expiresAt,
      ...(spec.numUses > 0 && { usesLeft: spec.numUses }),
    }
    if (spec.type === 'batch') return { token: await this.#keys.signer.sign(batchClaims(jti, record)), record }
    const hardEnd =
      expiresAt !== null && (spec.explicitMaxTtl > 0 || !spec.renewable)
        ? now + (spec.explicitMaxTtl || ttl) * 1000
        : undefined
    const token =
      opaque ??
      (await this.#keys.signer.sign({
        jti,
        iat: Math.floor(now / 1000),
        ...(hardEnd && { exp: Math.ceil(hardEnd / 1000) }),
      }))
    await this.#view.transaction(async (tx) => {
      if (await tx.get(`id/${record.id}`)) throw refuse('cannot create a token with a duplicate ID')
      if (parent && parent.type === 'service' && !(await tx.get(`id/${parent.id}`)))
        throw refuse('the parent token is gone')
      tx.put(`id/${record.id}`, record)
      tx.put(`accessor/${record.accessor}`, { id: record.id })
      if (carries !== undefined) tx.put(`carried/${record.id}`, carries)
      if (parent) tx.put(`child/${parent.id}/${record.id}`, true)
      if (expiresAt !== null) tx.put(dueName(record.id, expiresAt), true)
      this.leases.note(tx, record)
    })
    return { token, record }
  }

  /** A root token without end. Opaque, so that it can be handed out XORed with a one-time password. */
  async createRoot(): Promise<string> {
    return (await this.create(rootSpec(`s.${base62(24, this.#parts.random)}`))).token
  }

  /** The root token of a development server. */
  async createDevRoot(id: string): Promise<void> {
    await this.create({ ...rootSpec(id), path: 'auth/token/create', displayName: 'token' })
  }

  /** Takes one use off a use-limited token. Exact however many do it at once. */
  async use(record: TokenRecord): Promise<{ readonly last: boolean; readonly record: TokenRecord } | 'spent'> {
    if (record.type === 'batch' || record.numUses === 0) return { last: false, record }
    const outcome = await this.#view.transaction(async (tx) => {
      const current = await tx.get<TokenRecord>(`id/${record.id}`)
      const left = current?.usesLeft ?? 0
      if (!current || left <= 0) return 'spent' as const
      const used = { ...current, usesLeft: left - 1 }
      tx.put(`id/${record.id}`, used)
      return { last: left === 1, record: used }
    })
    this.#known.forget()
    return outcome
  }

  /** Gives a token a new end. Undefined when it is gone meanwhile. */
  async renew(record: TokenRecord, ttl: number): Promise<TokenRecord | undefined> {
    const now = this.#parts.clock.now()
    const renewed = await this.#view.transaction(async (tx) => {
      const current = await tx.get<TokenRecord>(`id/${record.id}`)
      if (!current || (current.expiresAt !== null && current.expiresAt <= now)) return undefined
      const next: TokenRecord = { ...current, expiresAt: now + ttl * 1000, lastRenewedAt: now }
      if (current.expiresAt !== null) tx.del(dueName(current.id, current.expiresAt))
      tx.put(dueName(next.id, now + ttl * 1000), true)
      tx.put(`id/${next.id}`, next)
      return next
    })
    this.#known.forget()
    return renewed
  }

  /** Ends a token and every token below it. When it resolves none of them is good; what a crash leaves is finished at the next start. */
  async revoke(id: string): Promise<void> {
    if (await this.#end(id)) await this.#finishDoomed()
  }

  /** Ends one token; its children go on without a parent. False when it does not exist. */
  async revokeOrphaning(id: string): Promise<boolean> {
    for (const child of await this.#view.list(`child/${id}/`)) {
      await this.#view.transaction(async (tx) => {
        const record = await tx.get<TokenRecord>(`id/${child}`)
        tx.del(`child/${id}/${child}`)
        if (!record) return
        const { parent: _, ...orphan } = record
        tx.put(`id/${child}`, orphan)
      })
    }
    const existed = await this.#end(id)
    await this.#finishDoomed()
    return existed
  }

  /** Ends every token whose lease lies under a prefix, at once when it resolves; the removing is `TokenLeases.sweep`'s. */
  async condemn(prefix: string): Promise<void> {
    await this.leases.condemn(prefix, base62(24, this.#parts.random))
    this.#known.forget()
  }

  /** The last use was made: the token goes. */
  async spend(record: TokenRecord): Promise<void> {
    await this.revoke(record.id)
  }

  /** Removes what has expired. Called again and again; it does a bounded piece of work each time. */
  async sweep(now: number): Promise<void> {
    for (const folder of (await this.#dueBy(now)).slice(0, 10))
      for (const id of (await this.#view.list(folder)).slice(0, 1000)) await this.#expire(id, `${folder}${id}`, now)
  }

  /** The minutes that have begun. By way of their hours: tokens end in tens of thousands of minutes, but in hundreds of hours. */
  async #dueBy(now: number): Promise<string[]> {
    const begun = (folder: string, unit: number): boolean => Number(folder.slice(0, -1)) * unit <= now
    const due: string[] = []
    for (const hour of (await this.#view.list('due/')).filter((folder) => begun(folder, hourMs)))
      for (const minute of (await this.#view.list(`due/${hour}`)).filter((folder) => begun(folder, minuteMs)))
        due.push(`due/${hour}${minute}`)
    return due
  }

  /** Removes index entries that lead nowhere. */
  async tidy(): Promise<void> {
    for (const accessor of await this.accessors()) {
      const found = await this.#view.get<{ readonly id: string }>(`accessor/${accessor}`)
      if (found && !(await this.#view.get(`id/${found.id}`))) await this.#view.del(`accessor/${accessor}`)
    }
    await this.#finishDoomed()
  }

  /** The internal id that a bearer string leads to, good or not. */
  async idOf(token: string): Promise<string | undefined> {
    if (token.length > longestToken) return undefined
    if (token.split('.').length !== 3) return this.#idOf('opaque', token)
    const claims = await this.#keys.signer.verify(token)
    return claims && this.#idOf('jti', claims.jti)
  }

  async #resolve(token: string): Promise<TokenRecord | undefined> {
    const epoch = this.#known.epoch
    const record =
      token.split('.').length === 3
        ? await this.#fromJwt(token)
        : await this.#view.get<TokenRecord>(`id/${this.#idOf('opaque', token)}`)
    const until = record && (await this.#goodUntil(record))
    if (!record || until === undefined) return undefined
    if (record.numUses === 0) this.#known.put(token, record, until, epoch)
    return record
  }

  async #fromJwt(token: string): Promise<TokenRecord | undefined> {
    const claims = await this.#keys.signer.verify(token)
    if (!claims) return undefined
    const id = this.#idOf('jti', claims.jti)
    const batch = batchRecord(id, claims)
    return batch ?? this.#view.get<TokenRecord>(`id/${id}`)
  }

  /** Until when a token and all above it are good (epoch ms, Infinity without end); undefined when one is not. */
  async #goodUntil(record: TokenRecord): Promise<number | undefined> {
    const now = this.#parts.clock.now()
    let until = Infinity
    for (let at: TokenRecord | undefined = record; ;) {
      until = Math.min(until, at.expiresAt ?? Infinity)
      if (until <= now || (at.usesLeft ?? 1) < 0 || (await this.leases.isCondemned(at))) return undefined
      if (at.parent === undefined) return until
      const above: TokenRecord | undefined = await this.#view.get<TokenRecord>(`id/${at.parent}`)
      if (!above) return undefined
      at = above
    }
  }

  async #expire(id: string, due: string, now: number): Promise<void> {
    const record = await this.#view.get<TokenRecord>(`id/${id}`)
    if (!record) return this.#view.del(due)
    if (record.expiresAt !== null && record.expiresAt <= now) await this.revoke(id)
    return undefined
  }

  /** Removes one token's records and marks its children as doomed, in one commit. */
  async #end(id: string): Promise<boolean> {
    const ended = await this.#view.transaction(async (tx: Transaction) => {
      const record = await tx.get<TokenRecord>(`id/${id}`)
      if (!record) return undefined
      await this.#erase(tx, record)
      tx.put(`doomed/${id}`, record)
      return record
    })
    this.#known.forget()
    return ended !== undefined
  }

  /** Removes everything that is kept of a token. */
  async #erase(tx: Transaction, record: TokenRecord): Promise<void> {
    const { id, accessor, parent, expiresAt } = record
    tx.del(`id/${id}`)
    tx.del(`accessor/${accessor}`)
    if (parent !== undefined) tx.del(`child/${parent}/${id}`)
    if (expiresAt !== null) tx.del(dueName(id, expiresAt))
    if ((await tx.get(`carried/${id}`)) !== undefined) tx.del(`carried/${id}`)
    this.leases.drop(tx, record)
  }

  /** Ends the children of ended tokens, and theirs, until none is left. */
  async #finishDoomed(): Promise<void> {
    for (let doomed = await this.#view.list('doomed/'); doomed.length > 0; doomed = await this.#view.list('doomed/')) {
      for (const id of doomed) {
        for (const child of await this.#view.list(`child/${id}/`)) {
          if (!(await this.#end(child))) await this.#view.del(`child/${id}/${child}`)
        }
        const record = await this.#view.get<TokenRecord>(`doomed/${id}`)
        if (record) await this.#parts.onRevoke?.(record)
        await this.#view.del(`doomed/${id}`)
      }
    }
  }

  #idOf(kind: 'jti' | 'opaque', value: string): string {
    return createHmac('sha256', this.#keys.salt).update(`${kind}:${value}`).digest('hex')
  }
}

const dueName = (id: string, expiresAt: number): string => {
  const [hour, minute] = [hourMs, minuteMs].map((unit) => String(Math.floor(expiresAt / unit)).padStart(12, '0'))
  return `due/${hour}/${minute}/${id}`
}

function rootSpec(opaque: string): TokenSpec {
  return {
    type: 'service',
    policies: ['root'],
    path: 'auth/token/root',
    meta: null,
    displayName: 'root',
    ttl: 0,
    explicitMaxTtl: 0,
    period: 0,
    numUses: 0,
    renewable: false,
    boundCidrs: [],
    entityId: '',
    opaque,
  }
}

interface StoredKeys {
  readonly signing: string
  readonly salt: string
}

async function keysOf({ view, random }: TokenStoreParts): Promise<Keys> {
  const stored = await view.transaction(async (tx) => {
    const known = await tx.get<StoredKeys>('keys')
    if (known) return known
    const fresh: StoredKeys = { signing: base64(TokenSigner.generate()), salt: base64(random(32)) }
    tx.put('keys', fresh)
    return fresh
  })
  const [signing, salt] = [fromBase64(stored.signing), fromBase64(stored.salt)]
  if (!signing || !salt) throw new Fault('internal', 'the keys of the token store are damaged; restore a backup')
  return { signer: new TokenSigner(signing), salt: createSecretKey(salt) }
}
