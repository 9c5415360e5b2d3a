import { hash } from 'node:crypto'
import { Fault, asFault } from '../../contract/fault.ts'
import type { FaultCode } from '../../contract/fault.ts'
import type { Identities, NamespaceId, Principal, TokenRecord } from '../../contract/identity.ts'
import type { MountRecord } from '../../contract/mount.ts'
import { apiPath } from '../../contract/request.ts'
import type { CredentialOf, Request } from '../../contract/request.ts'
import type { FormedResponse } from '../../contract/response.ts'
import { algorithmNames, unverifiedClaims } from '../../crypto/jwt/token.ts'
import type { Claims } from '../../crypto/jwt/token.ts'
import { recent } from '../../util/caches/recent.ts'
import type { Clock } from '../../util/clock.ts'
import { Secret } from '../../util/secret.ts'
import type { Mount } from '../mounts/mount.ts'
import { innermost } from '../namespaces/namespace.ts'
import type { Namespace } from '../namespaces/namespace.ts'
import { noToken } from '../request/decision/disclosure.ts'
import type { InlineLogins } from './inline-login.ts'

/** The request with the token. */
type Outer = Pick<Request, 'path' | 'namespace' | 'protocol' | 'client' | 'headers' | 'limits'>

/** The parts of an unsealed server that these tokens need. */
export interface BearerParts {
  readonly root: () => Namespace
  readonly identities: (namespace: NamespaceId) => Identities | undefined
  readonly logins: Pick<InlineLogins, 'perform'>
  readonly clock: Clock
}

/** The state of a mount when it verified a token: after a change, the token is verified again. */
interface Verifier {
  readonly namespace: Namespace
  readonly mount: Mount
  readonly record: MountRecord
  readonly epoch: number
}

interface Entry {
  readonly verifier: Verifier
  readonly token: TokenRecord
  /** The name that the mount has for the caller. */
  readonly alias: string
  readonly principal: Principal
  /** Of the enforcements that demanded no second factor (`SecondFactors.changes`). */
  readonly enforced: number
  readonly until: number
}

interface Running {
  readonly verifier: Verifier
  readonly token: Promise<TokenRecord | undefined>
}

/** How long a verified token is not verified again, so that keys that its issuer withdraws stop counting. Milliseconds. */
const cachedFor = 5 * 60_000

/** Faults that do not concern the token. */
const unrelatedFaults: ReadonlySet<FaultCode> = new Set(['unavailable', 'rate_limited', 'sealed', 'internal'])

/** The most cached tokens. */
const mostCached = 20_000

/**
 * Tokens of other issuers as credentials of requests, without a login (roles of `jwt` with `role_type` bearer). The mount is
 * found by the namespace of the request and by the claims of the token; the mount then verifies it. This is a login with its
 * own two audit lines. Nothing is stored; the record is cached until the token expires, or until configuration, role, mount,
 * entity or enforcement change. A token that needs a second factor is not cached.
 */
export class BearerTokens {
  readonly #parts: BearerParts
  readonly #cache = recent<string, Entry>(mostCached)
  readonly #running = new Map<string, Running>()

  constructor(parts: BearerParts) {
    this.#parts = parts
  }

  /**
   * The record of a token; undefined if no mount accepts it. @throws Fault unavailable, rate_limited and others that do not
   * concern the token
   */
  token(bearer: Secret<string>, outer: Outer): TokenRecord | undefined | Promise<TokenRecord | undefined> {
    const text = bearer.reveal()
    if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(text)) return undefined
    const here = innermost(this.#parts.root(), outer.namespace + outer.path)
    const key = `${here.id} ${hash('sha256', text, 'base64')}`
    const entry = this.#cache.get(key)
    if (!entry) return this.#verified(key, text, here, outer)
    const principal = this.#principalOf(entry.token)
    if (this.#isValid(entry) && principal === entry.principal) return entry.token
    return this.#revalidated(key, entry).then(async (token) => token ?? this.#verified(key, text, here, outer))
  }

  #principalOf({ namespace, entityId }: TokenRecord): Principal | undefined | Promise<Principal | undefined> {
    return this.#parts.identities(namespace)?.principal(entityId)
  }

  #enforcedIn({ id }: Namespace): number {
    return this.#parts.identities(id)?.mfa.changes() ?? 0
  }

  #isValid({ verifier, enforced, until }: Entry): boolean {
    return this.#parts.clock.now() < until && enforced === this.#enforcedIn(verifier.namespace) && isUnchanged(verifier)
  }

  /** Whether every use of a token has to prove a second factor anew. */
  async #needsSecondFactor({ namespace, record }: Verifier, principal: Principal): Promise<boolean> {
    const demands = await this.#parts.identities(namespace.id)?.mfa.demands(principal, record)
    return demands?.length !== 0
  }

  /** Entity or groups have changed: the token stays verified as long as its alias is that of the entity. */
  async #revalidated(key: string, entry: Entry): Promise<TokenRecord | undefined> {
    const principal = await this.#principalOf(entry.token)
    const { verifier, token, alias } = entry
    const isSame = principal?.entity.aliases.some((one) => one.name === alias && one.mountAccessor === verifier.record.accessor) // prettier-ignore
    const isUsable = principal && isSame && !principal.entity.disabled
    if (isUsable && !(await this.#needsSecondFactor(verifier, principal)) && this.#isValid(entry)) {
      this.#cache.set(key, { ...entry, principal })
      return token
    }
    if (this.#cache.get(key) === entry) this.#cache.delete(key)
    return undefined
  }

  async #verified(key: string, text: string, here: Namespace, outer: Outer): Promise<TokenRecord | undefined> {
    const claims = claimsOf(text)
    const verifier = claims && (await verifierOf(here, claims))
    if (!verifier) return undefined
    const running = this.#running.get(key)
    // One that began before a change is not joined.
    if (running && isUnchanged(running.verifier) && running.verifier.mount === verifier.mount) return running.token
    const token = this.#verify(key, verifier, text, outer)
    const own = { verifier, token }
    this.#running.set(key, own)
    try {
      return await token
    } finally {
      if (this.#running.get(key) === own) this.#running.delete(key)
    }
  }

  async #verify(key: string, verifier: Verifier, text: string, outer: Outer): Promise<TokenRecord | undefined> {
    const { mount, namespace, record } = verifier
    const path = apiPath(`${mount.apiPath}login`)
    if (path === undefined) return undefined
    const credential: CredentialOf<'inline'> = { kind: 'inline', path, namespace: namespace.path, data: new Secret({ jwt: text }) } // prettier-ignore
    let ceiling: readonly string[] | undefined
    let alias = ''
    const enforced = this.#enforcedIn(namespace)
    const login = async (at: Mount | undefined): Promise<FormedResponse> => {
      if (!at?.engine.bearer) throw noToken()
      const { ceiling: most, ...own } = await at.engine.bearer.login(at.state, text)
      ceiling = most
      alias = own.alias.name
      return { login: own }
    }
    try {
      const token = await this.#parts.logins.perform(credential, outer, login)
      const bounded = { ...token, meta: { ...token.meta, mount_accessor: record.accessor }, ...(ceiling && { ceiling }) } // prettier-ignore
      const principal = await this.#principalOf(token)
      if (!principal || (await this.#needsSecondFactor(verifier, principal))) return bounded
      const until = Math.min(token.expiresAt ?? 0, this.#parts.clock.now() + cachedFor)
      this.#cache.set(key, { verifier, token: bounded, alias, principal, enforced, until })
      return bounded
    } catch (thrown) {
      if (unrelatedFaults.has(asFault(thrown).code)) throw thrown
      return undefined
    }
  }
}

/** Undefined if it is not a JWT. */
function claimsOf(text: string): Claims | undefined {
  try {
    return unverifiedClaims(text, algorithmNames)
  } catch (thrown) {
    if (thrown instanceof Fault) return undefined
    throw thrown
  }
}

/** The mount that verifies a token: in the namespace of the request or the nearest one above, the first that recognises it. */
async function verifierOf(here: Namespace, claims: Claims): Promise<Verifier | undefined> {
  for (let namespace: Namespace | undefined = here; namespace; namespace = namespace.parent) {
    const bearerMounts = namespace.mounts.router.all().filter(({ engine }) => engine.bearer)
    for (const mount of bearerMounts.toSorted(byPath)) {
      const epoch = mount.engine.bearer?.epoch(mount.state) ?? 0
      const verifier = { namespace, mount, record: mount.record, epoch }
      if (await mount.engine.bearer?.isFor(mount.state, claims)) return verifier
    }
  }
  return undefined
}

const byPath = (a: Mount, b: Mount): number => (a.apiPath < b.apiPath ? -1 : 1)

/** Whether the mount is where it was, and has the configuration, the role and the settings that it had. */
function isUnchanged({ namespace, mount, record, epoch }: Verifier): boolean {
  const now = namespace.mounts.router.mountOf(mount.apiPath)
  return now === mount && now.record === record && now.engine.bearer?.epoch(now.state) === epoch
}
