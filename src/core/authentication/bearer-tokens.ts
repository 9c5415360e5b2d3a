import { hash } from 'node:crypto'
import { Fault, asFault } from '../../contract/fault.ts'
import type { FaultCode } from '../../contract/fault.ts'
import type { NamespaceId, Principal, Principals, TokenRecord } from '../../contract/identity.ts'
import type { MountRecord } from '../../contract/mount.ts'
import { apiPath } from '../../contract/request.ts'
import type { CredentialOf, Request } from '../../contract/request.ts'
import type { Response } from '../../contract/response.ts'
import { algorithmNames, unverifiedClaims } from '../../crypto/jwt/token.ts'
import type { Claims } from '../../crypto/jwt/token.ts'
import { recent } from '../../util/caches/recent.ts'
import type { Clock } from '../../util/clock.ts'
import { Secret } from '../../util/secret.ts'
import type { Mount } from '../mounts/mount.ts'
import { innermost } from '../namespaces/namespace.ts'
import type { Namespace } from '../namespaces/namespace.ts'
import { noToken } from '../request/disclosure.ts'
import type { InlineLogins } from './inline-login.ts'

/** The request that a token comes with. */
type Outer = Pick<Request, 'path' | 'namespace' | 'protocol' | 'client' | 'headers' | 'limits'>

/** The parts of an unsealed server that these tokens need. */
export interface BearerParts {
  readonly root: () => Namespace
  readonly principals: (namespace: NamespaceId) => Principals | undefined
  readonly logins: Pick<InlineLogins, 'perform'>
  readonly clock: Clock
}

/** What a mount was when it judged a token: afterwards another one judges anew. */
interface Judge {
  readonly namespace: Namespace
  readonly mount: Mount
  readonly record: MountRecord
  readonly epoch: number
}

interface Entry {
  readonly judge: Judge
  readonly token: TokenRecord
  readonly principal: Principal | undefined
  readonly until: number
}

interface Running {
  readonly judge: Judge
  readonly token: Promise<TokenRecord | undefined>
}

/** How long a verified token is not verified again, so that keys that its issuer withdraws stop counting. Milliseconds. */
const keptFor = 5 * 60_000

/** Faults that say nothing about the token. */
const noWord: ReadonlySet<FaultCode> = new Set(['unavailable', 'rate_limited', 'sealed', 'internal'])

/** The most tokens that are kept. */
const mostKept = 20_000

/**
 * Tokens of other issuers that come with requests, for which nobody logs in (roles of `jwt` with `role_type` bearer). The mount
 * is found by the namespace of the request and by what the token says of itself; the mount then verifies it. That is a login of
 * its own, with two audit lines. Nothing is stored; the record is kept in memory until the token ends, or until configuration,
 * role, mount or entity change.
 */
export class BearerTokens {
  readonly #parts: BearerParts
  readonly #kept = recent<string, Entry>(mostKept)
  readonly #running = new Map<string, Running>()

  constructor(parts: BearerParts) {
    this.#parts = parts
  }

  /** The record of a token; undefined when no mount takes it. @throws Fault unavailable, rate_limited and the like: no word on the token */
  token(bearer: Secret<string>, outer: Outer): TokenRecord | undefined | Promise<TokenRecord | undefined> {
    const text = bearer.reveal()
    if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(text)) return undefined
    const here = innermost(this.#parts.root(), outer.namespace + outer.path)
    const key = `${here.id} ${hash('sha256', text, 'base64')}`
    return this.#keptFor(key) ?? this.#verified(key, text, here, outer)
  }

  #keptFor(key: string): TokenRecord | undefined {
    const entry = this.#kept.get(key)
    if (!entry) return undefined
    const { judge, token, principal, until } = entry
    const isValid =
      this.#parts.clock.now() < until &&
      isUnchanged(judge) &&
      principal !== undefined &&
      this.#parts.principals(token.namespace)?.principal(token.entityId) === principal
    if (!isValid) this.#kept.delete(key)
    return isValid ? token : undefined
  }

  async #verified(key: string, text: string, here: Namespace, outer: Outer): Promise<TokenRecord | undefined> {
    const claims = claimsShown(text)
    const judge = claims && (await judgeOf(here, claims))
    if (!judge) return undefined
    const running = this.#running.get(key)
    // One that began before a change is not joined.
    if (running && isUnchanged(running.judge) && running.judge.mount === judge.mount) return running.token
    const token = this.#verify(key, judge, text, outer)
    const own = { judge, token }
    this.#running.set(key, own)
    try {
      return await token
    } finally {
      if (this.#running.get(key) === own) this.#running.delete(key)
    }
  }

  async #verify(key: string, judge: Judge, text: string, outer: Outer): Promise<TokenRecord | undefined> {
    const { mount, namespace, record } = judge
    const path = apiPath(`${mount.apiPath}login`)
    if (path === undefined) return undefined
    const credential: CredentialOf<'inline'> = { kind: 'inline', path, namespace: namespace.path, data: new Secret({ jwt: text }) } // prettier-ignore
    let ceiling: readonly string[] | undefined
    const login = async (at: Mount | undefined): Promise<Response> => {
      if (!at?.engine.bearer) throw noToken()
      const { ceiling: most, ...own } = await at.engine.bearer.login(at.state, text)
      ceiling = most
      return { login: own }
    }
    try {
      const token = await this.#parts.logins.perform(credential, outer, login)
      const bounded = { ...token, meta: { ...token.meta, mount_accessor: record.accessor }, ...(ceiling && { ceiling }) } // prettier-ignore
      const principal = await this.#parts.principals(token.namespace)?.principal(token.entityId)
      const until = Math.min(token.expiresAt ?? 0, this.#parts.clock.now() + keptFor)
      this.#kept.set(key, { judge, token: bounded, principal, until })
      return bounded
    } catch (thrown) {
      if (noWord.has(asFault(thrown).code)) throw thrown
      return undefined
    }
  }
}

/** Undefined for what is no JWT. */
function claimsShown(text: string): Claims | undefined {
  try {
    return unverifiedClaims(text, algorithmNames)
  } catch (thrown) {
    if (thrown instanceof Fault) return undefined
    throw thrown
  }
}

/** The mount that judges a token: in the namespace of the request or the nearest one above, the first that says it is for it. */
async function judgeOf(here: Namespace, claims: Claims): Promise<Judge | undefined> {
  for (let namespace: Namespace | undefined = here; namespace; namespace = namespace.parent) {
    const taking = namespace.mounts.router.all().filter(({ engine }) => engine.bearer)
    for (const mount of taking.toSorted(byPath)) {
      const epoch = mount.engine.bearer?.epoch(mount.state) ?? 0
      const judge = { namespace, mount, record: mount.record, epoch }
      if (await mount.engine.bearer?.isFor(mount.state, claims)) return judge
    }
  }
  return undefined
}

const byPath = (a: Mount, b: Mount): number => (a.apiPath < b.apiPath ? -1 : 1)

/** Whether the mount is where it was, and has the configuration, the role and the settings that it had. */
function isUnchanged({ namespace, mount, record, epoch }: Judge): boolean {
  const now = namespace.mounts.router.mountOf(mount.apiPath)
  return now === mount && now.record === record && now.engine.bearer?.epoch(now.state) === epoch
}
