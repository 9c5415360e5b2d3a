import { refuse } from '../contract/fault.ts'
import type { NamespaceId, TokenRecord } from '../contract/identity.ts'
import type { Wrapped } from '../contract/response.ts'
import type { Transaction, View } from '../contract/view.ts'
import type { Leases } from './leases.ts'
import { scopeOf } from './scope.ts'
import type { CarryingSpec } from './spec.ts'
import { accessorShape, carriedShape, tokenShape } from './token-shape.ts'

const minuteMs = 60_000

const hourMs = 60 * minuteMs

/** How much one sweep does at most. */
const sweepBounds = { minutes: 10, tokens: 1000 } as const

/** The origin of a token. */
export type Origin = Pick<TokenRecord, 'namespace' | 'mount'>

/** The rest of the server, for token records. */
export interface RecordParts {
  readonly view: View
  readonly leases: Leases
  /** Whether the namespace of a token exists, and the mount that created it: no token outlives them. */
  readonly lives: (token: Origin) => boolean
  /** Called for every removed token; again if it fails. */
  readonly onEnd: (record: TokenRecord) => Promise<void>
}

/**
 * The records of service tokens: `id/` the tokens, `accessor/`, `child/` and `due/` their indexes, `carried/` the wrapped
 * responses, `doomed/` removed ones whose children are still to be removed. A token is valid while its
 * namespace exists, it has not expired, has uses left, and every token above it is valid: removing one record therefore
 * revokes the whole tree below it at once, whenever the other records are removed.
 */
export class TokenRecords {
  readonly #view: View
  readonly #leases: Leases
  readonly #lives: RecordParts['lives']
  readonly #onEnd: RecordParts['onEnd']

  constructor({ view, leases, lives, onEnd }: RecordParts) {
    this.#view = view
    this.#leases = leases
    this.#lives = lives
    this.#onEnd = onEnd
  }

  /** A token's record, valid or not. */
  async get(id: string): Promise<TokenRecord | undefined> {
    return this.#view.get(`id/${id}`, tokenShape)
  }

  /** The id of a namespace's token with an accessor, valid or not. */
  async idByAccessor(namespace: NamespaceId, accessor: string): Promise<string | undefined> {
    if (!/^[\w.-]+$/.test(accessor)) return undefined
    return (await this.#view.get(accessorName(namespace, accessor), accessorShape))?.id
  }

  /** All accessors of a namespace, in byte order. */
  async accessors(namespace: NamespaceId): Promise<string[]> {
    return this.#view.list(accessorName(namespace, ''))
  }

  /** How many tokens a namespace has, valid or not. */
  async count(namespace: NamespaceId): Promise<number> {
    return this.#view.count(accessorName(namespace, ''))
  }

  /**
   * Until when a token and all its ancestors are valid (epoch ms, Infinity without an expiry); undefined if one is not.
   * @param reading called with the id of each record above it before that is read
   */
  async validUntil(record: TokenRecord, now: number, reading?: (id: string) => void): Promise<number | undefined> {
    let until = Infinity
    for (let at: TokenRecord | undefined = record; ;) {
      until = Math.min(until, at.expiresAt ?? Infinity)
      if (until <= now || (at.usesLeft ?? 1) < 0 || !this.#lives(at)) return undefined
      if (await this.#leases.isUnderRevokedPrefix(at)) return undefined
      if (at.parent === undefined) return until
      reading?.(at.parent)
      const above: TokenRecord | undefined = await this.get(at.parent)
      if (!above) return undefined
      at = above
    }
  }

  /** With the content of a wrapping token. @throws Fault invalid_request if the id is taken or the parent no longer exists. */
  async add(record: TokenRecord, { parent, carries }: Pick<CarryingSpec, 'parent' | 'carries'>): Promise<void> {
    await this.#view.transaction(async (tx) => {
      if (await tx.get(`id/${record.id}`)) throw refuse('cannot create a token with a duplicate ID')
      if (parent?.type === 'service' && !(await tx.get(`id/${parent.id}`)))
        throw refuse('the parent token no longer exists')
      tx.put(`id/${record.id}`, record)
      tx.put(accessorName(record.namespace, record.accessor), { id: record.id })
      if (carries !== undefined) tx.put(`carried/${record.id}`, carries)
      if (parent) tx.put(`child/${parent.id}/${record.id}`, true)
      if (record.expiresAt !== null) tx.put(dueName(record.id, record.expiresAt), true)
      this.#leases.note(tx, record)
    })
  }

  /** Counts one use. Exact with any number of concurrent calls. Undefined if none was left. */
  async use(id: string): Promise<TokenRecord | undefined> {
    return this.#view.transaction(async (tx) => {
      const current = await tx.get(`id/${id}`, tokenShape)
      const left = current?.usesLeft ?? 0
      if (!current || left <= 0) return undefined
      const used = { ...current, usesLeft: left - 1 }
      tx.put(`id/${id}`, used)
      return used
    })
  }

  /** Sets the expiry. Undefined if the token no longer exists. */
  async extend(id: string, now: number, expiresAt: number): Promise<TokenRecord | undefined> {
    return this.#view.transaction(async (tx) => {
      const current = await tx.get(`id/${id}`, tokenShape)
      if (!current || (current.expiresAt !== null && current.expiresAt <= now)) return undefined
      const next: TokenRecord = { ...current, expiresAt, lastRenewedAt: now }
      if (current.expiresAt !== null) tx.del(dueName(id, current.expiresAt))
      tx.put(dueName(id, expiresAt), true)
      tx.put(`id/${id}`, next)
      return next
    })
  }

  /** Removes one token and records that its children are still to be removed, in one commit. False if it does not exist. */
  async end(id: string): Promise<boolean> {
    return this.#view.transaction(async (tx: Transaction) => {
      // A damaged record can be removed, too.
      const record = await tx.get(`id/${id}`)
      if (record === undefined) return false
      if (tokenShape.is(record)) await this.#erase(tx, record)
      else tx.del(`id/${id}`)
      tx.put(`doomed/${id}`, record)
      return true
    })
  }

  /** The response that a wrapping token carries. */
  async carriedBy(id: string): Promise<Wrapped | undefined> {
    return this.#view.get(`carried/${id}`, carriedShape)
  }

  /** Uses up a valid token that carries a response, and returns the response: to exactly one caller, in one commit. */
  async claim(id: string, now: number): Promise<Wrapped | undefined> {
    return this.#view.transaction(async (tx) => {
      const record = await tx.get(`id/${id}`, tokenShape)
      if (!record || (record.usesLeft ?? 0) <= 0 || (await this.validUntil(record, now)) === undefined) return undefined
      const content = await tx.get(`carried/${id}`, carriedShape)
      if (content !== undefined) await this.#erase(tx, record)
      return content
    })
  }

  /** Makes the children of a token orphans. */
  async orphanChildren(id: string): Promise<void> {
    for (const child of await this.#view.list(`child/${id}/`)) {
      await this.#view.transaction(async (tx) => {
        const record = await tx.get(`id/${child}`, tokenShape)
        tx.del(`child/${id}/${child}`)
        if (!record) return
        const { parent: _, ...orphan } = record
        tx.put(`id/${child}`, orphan)
      })
    }
  }

  /** Removes the children of removed tokens, and theirs, until none is left. */
  async finishDoomed(): Promise<void> {
    for (
      let parents = await this.#view.list('doomed/');
      parents.length > 0;
      parents = await this.#view.list('doomed/')
    ) {
      for (const id of parents) {
        for (const child of await this.#view.list(`child/${id}/`)) {
          if (!(await this.end(child))) await this.#view.del(`child/${id}/${child}`)
        }
        const record = await this.#view.get(`doomed/${id}`)
        if (tokenShape.is(record)) await this.#onEnd(record)
        await this.#view.del(`doomed/${id}`)
      }
    }
  }

  /** The ids of expired tokens, a limited number at a time. Index entries without a token are removed as well. */
  async expired(now: number): Promise<string[]> {
    const expired: string[] = []
    for (const folder of (await this.#dueBy(now)).slice(0, sweepBounds.minutes)) {
      for (const id of await this.#view.list(folder, { limit: sweepBounds.tokens })) {
        const record = await this.#view.get(`id/${id}`)
        if (record === undefined) await this.#view.del(`${folder}${id}`)
        else if (!tokenShape.is(record) || (record.expiresAt !== null && record.expiresAt <= now)) expired.push(id)
      }
    }
    return expired
  }

  /** Removes accessors of a namespace that lead nowhere. */
  async tidyAccessors(namespace: NamespaceId): Promise<void> {
    for (const accessor of await this.accessors(namespace)) {
      const id = await this.idByAccessor(namespace, accessor)
      if (id !== undefined && (await this.#view.get(`id/${id}`)) === undefined)
        await this.#view.del(accessorName(namespace, accessor))
    }
  }

  /** Revokes every token that a mount of a namespace created; those below them are left to `finishDoomed`. */
  async endAllOfMount(namespace: NamespaceId, mount: string): Promise<void> {
    for (const accessor of await this.accessors(namespace)) {
      const id = await this.idByAccessor(namespace, accessor)
      const record = id === undefined ? undefined : await this.#view.get(`id/${id}`)
      if (id !== undefined && tokenShape.is(record) && record.mount === mount) await this.end(id)
    }
  }

  /** Revokes every token of a namespace. After a crash, the next call continues. */
  async endAllOf(namespace: NamespaceId): Promise<void> {
    for (const accessor of await this.accessors(namespace)) {
      const id = await this.idByAccessor(namespace, accessor)
      if (id !== undefined) await this.end(id)
    }
    await this.finishDoomed()
    if (scopeOf(namespace) !== '') await this.#view.clear(scopeOf(namespace))
  }

  /**
   * The minutes that have begun, found by their hours: tokens expire in tens of thousands of minutes, but in hundreds of hours.
   */
  async #dueBy(now: number): Promise<string[]> {
    const begun = (folder: string, unit: number): boolean => Number(folder.slice(0, -1)) * unit <= now
    const due: string[] = []
    for (const hour of (await this.#view.list('due/')).filter((folder) => begun(folder, hourMs)))
      for (const minute of (await this.#view.list(`due/${hour}`)).filter((folder) => begun(folder, minuteMs)))
        due.push(`due/${hour}${minute}`)
    return due
  }

  /** Removes all records of a token. */
  async #erase(tx: Transaction, record: TokenRecord): Promise<void> {
    const { id, namespace, accessor, parent, expiresAt } = record
    tx.del(`id/${id}`)
    tx.del(accessorName(namespace, accessor))
    if (parent !== undefined) tx.del(`child/${parent}/${id}`)
    if (expiresAt !== null) tx.del(dueName(id, expiresAt))
    if ((await tx.get(`carried/${id}`)) !== undefined) tx.del(`carried/${id}`)
    this.#leases.drop(tx, record)
  }
}

const accessorName = (namespace: NamespaceId, accessor: string): string => `${scopeOf(namespace)}accessor/${accessor}`

const dueName = (id: string, expiresAt: number): string => {
  const [hour, minute] = [hourMs, minuteMs].map((unit) => String(Math.floor(expiresAt / unit)).padStart(12, '0'))
  return `due/${hour}/${minute}/${id}`
}
