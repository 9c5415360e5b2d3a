import type { IncomingMessage, ServerResponse } from 'node:http'
import { IdentityProvider, sends } from './identity-provider.ts'
import { jwt } from '../jwt.ts'
import type { JwtKey } from '../jwt.ts'

/** A service account, and for whom its token is. */
export interface Account {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly audiences?: readonly string[]
}

/** The claims of a projected token of an account. @param now epoch seconds */
export const claimsOf = ({ namespace, name, uid, audiences = [ownAudience] }: Account, now: number): object => ({
  aud: audiences,
  exp: now + 600,
  iat: now,
  nbf: now,
  iss: 'https://kubernetes.default.svc.cluster.local',
  sub: `system:serviceaccount:${namespace}:${name}`,
  'kubernetes.io': { namespace, pod: { name: `${name}-1`, uid: 'pod' }, serviceaccount: { name, uid } },
})

const ownAudience = 'https://kubernetes.default.svc.cluster.local'

const failure = (code: number, reason: string): unknown => ({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason, code }) // prettier-ignore

/** A request: the path, the bearer token, and the token and audiences to review. */
export interface Asked {
  readonly path: string
  readonly bearer: string
  readonly spec?: { readonly token: string; readonly audiences?: readonly string[] }
}

/** An API server of Kubernetes, with TLS: it reviews the tokens that it issued, and knows namespaces. */
export class ApiServer {
  readonly provider: IdentityProvider
  readonly asked: Asked[] = []
  /** Tokens that may ask. */
  readonly reviewers = new Set<string>()
  readonly namespaces = new Map<string, Readonly<Record<string, string>>>()
  readonly #accounts = new Map<string, Account>()

  private constructor(provider: IdentityProvider) {
    this.provider = provider
    this.reset()
  }

  static async start(): Promise<ApiServer> {
    return new ApiServer(await IdentityProvider.start({ tls: true }))
  }

  /** As it began. */
  reset(): void {
    this.asked.length = 0
    this.reviewers.clear()
    this.namespaces.clear()
    this.#accounts.clear()
    this.provider.answers.clear()
    this.provider.answers.set(reviews, (request, response) => this.#review(request, response))
  }

  /** A token of an account, which is valid until it is withdrawn. */
  issue(account: Account, key: JwtKey, now: number, claims: object = claimsOf(account, now)): string {
    const token = jwt(claims, key)
    this.#accounts.set(token, account)
    return token
  }

  withdraw(token: string): void {
    this.#accounts.delete(token)
  }

  label(namespace: string, labels: Readonly<Record<string, string>>): void {
    this.provider.answers.set(`/api/v1/namespaces/${namespace}`, (request, response) => {
      const bearer = bearerOf(request)
      this.asked.push({ path: request.url ?? '', bearer })
      const body = { kind: 'Namespace', apiVersion: 'v1', metadata: { name: namespace, labels } }
      if (this.#mayAsk(bearer)) sends(body)(request, response)
      else sends(failure(403, 'Forbidden'), 403)(request, response)
    })
  }

  #mayAsk(bearer: string): boolean {
    return this.reviewers.has(bearer)
  }

  #review(request: IncomingMessage, response: ServerResponse): void {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const bearer = bearerOf(request)
      const { kind = 'TokenReview', apiVersion = 'authentication.k8s.io/v1', spec } = JSON.parse(Buffer.concat(parts).toString()) as { kind?: string; apiVersion?: string; spec: { token: string; audiences?: string[] } } // prettier-ignore
      this.asked.push({ path: request.url ?? '', bearer, spec })
      if (kind !== 'TokenReview' || apiVersion !== 'authentication.k8s.io/v1')
        return sends(failure(400, 'BadRequest'), 400)(request, response)
      if (!this.#accounts.has(bearer) && !this.reviewers.has(bearer))
        return sends(failure(401, 'Unauthorized'), 401)(request, response)
      if (!this.reviewers.has(bearer)) return sends(failure(403, 'Forbidden'), 403)(request, response)
      return sends({ kind, apiVersion, metadata: {}, spec, status: this.#statusOf(spec) }, 201)(request, response)
    })
  }

  #statusOf({ token, audiences = [ownAudience] }: { token: string; audiences?: readonly string[] }): unknown {
    const account = this.#accounts.get(token)
    const own = account?.audiences ?? [ownAudience]
    const common = audiences.filter((one) => own.includes(one))
    if (!account || common.length === 0)
      return { user: {}, error: '[invalid bearer token, token audiences are invalid]' }
    const { namespace, name, uid } = account
    const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated']
    return {
      authenticated: true,
      user: { username: `system:serviceaccount:${namespace}:${name}`, uid, groups },
      audiences: common,
    }
  }
}

/** Where tokens are reviewed. */
export const reviews = '/apis/authentication.k8s.io/v1/tokenreviews'

const bearerOf = ({ headers }: IncomingMessage): string => (headers.authorization ?? '').replace(/^Bearer /, '')
