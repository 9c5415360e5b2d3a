import { Fault } from '../../contract/fault.ts'
import { fitsGlob } from '../../util/glob.ts'
import { Provider, ProviderError } from '../../util/http/provider.ts'
import { labelsOf, review } from './api-server.ts'
import type { Access } from './api-server.ts'
import type { Config } from './config.ts'
import type { Kubernetes } from './mount.ts'
import type { Role } from './role.ts'
import type { ServiceAccount } from './service-account.ts'

/** A login whose token the API server reviews. */
interface Review {
  readonly config: Config
  readonly role: Role
  readonly account: ServiceAccount
  readonly jwt: string
}

/** The account that the API server has confirmed. */
export interface Confirmed {
  readonly account: ServiceAccount
  /** The labels of its namespace, where the role needed them. */
  readonly labels?: ReadonlyMap<string, unknown>
}

/** The most logins that wait for the API server: requests with forged tokens cannot flood it. */
const mostReviews = 64

/**
 * The account of a token that the API server confirms now. Within 5 seconds.
 * @throws Fault unauthenticated if it does not, unavailable if it does not respond
 */
export async function confirmed(engine: Kubernetes, login: Review): Promise<Confirmed> {
  const { reviews, clock, log } = engine
  if (reviews.running >= mostReviews) throw new Fault('unavailable', 'too many logins at once: try again')
  reviews.running++
  try {
    return await Provider.ask(clock, async (provider) => ask(provider, engine, login))
  } catch (thrown) {
    if (!(thrown instanceof ProviderError)) throw thrown
    log.warn('the API server of Kubernetes did not review a token', { why: thrown.message })
    // The refusal concerns the reviewer's token: it is invalid, or may not review tokens.
    if (thrown.status === 401 || thrown.status === 403) throw denied()
    throw new Fault('unavailable', 'the API server of Kubernetes cannot be asked now: try again; see the server log for the reason') // prettier-ignore
  } finally {
    reviews.running--
  }
}

const denied = (): Fault => new Fault('unauthenticated', 'permission denied')

async function ask(provider: Provider, engine: Kubernetes, { config, role, account, jwt }: Review): Promise<Confirmed> {
  const { reviewer, ...access } = await accessOf(engine, config)
  const user = await review(provider, { ...access, bearer: reviewer ?? jwt }, jwt, role.audience)
  const { namespace, name, uid } = account
  if (user?.username !== `system:serviceaccount:${namespace}:${name}` || user.uid !== uid) throw denied()
  if (!role.selector || role.namespaces.some((one) => fitsGlob(one, namespace))) return { account }
  // The token that logs in is not used to read anything.
  if (reviewer === undefined) throw new Fault('unauthenticated', 'namespace not authorized: labels of namespaces are read with token_reviewer_jwt, which is not configured') // prettier-ignore
  return { account, labels: await labelsOf(provider, { ...access, bearer: reviewer }, namespace) }
}

/** The pod's own certificates and token are the defaults of the configuration. @throws ProviderError */
async function accessOf(
  { pod }: Kubernetes,
  { host, ca, reviewerJwt, disableLocalCaJwt }: Config,
): Promise<Omit<Access, 'bearer'> & { readonly reviewer?: string }> {
  const trusted = ca !== '' || disableLocalCaJwt ? ca : await pod.ca()
  if (!trusted)
    throw new ProviderError('there is no kubernetes_ca_cert, and the pod of this server has no certificates')
  const own = reviewerJwt !== '' || disableLocalCaJwt ? reviewerJwt : await pod.jwt()
  return { host, ca: trusted, ...(own && { reviewer: own }) }
}
