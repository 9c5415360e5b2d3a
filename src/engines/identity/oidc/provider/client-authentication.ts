import type { Request } from '../../../../contract/request.ts'
import { sameText } from '../../../../util/bytes.ts'
import type { Identity } from '../../identity.ts'
import type { OidcClient } from './settings/client-record.ts'
import { clientById } from './settings/clients.ts'
import { OAuthError } from './oauth-error.ts'

/** The client id and the secret of a request; '' if not sent. */
interface ClientProof {
  readonly id: string
  readonly secret: string
}

/**
 * The client that sends a request: by HTTP Basic or in the form (RFC 6749, 2.3.1). A public client needs only its id.
 * @throws OAuthError
 */
export async function authenticatedClient(
  engine: Identity,
  { headers }: Pick<Request, 'headers'>,
  form: ClientProof,
): Promise<OidcClient> {
  const { id, secret } = shownBy(basicOf(headers['authorization']), form)
  if (id === '') throw new OAuthError('invalid_request', 'client_id parameter is required')
  const client = await clientById(engine, id)
  const isProven = sameText(secret, client?.secret ?? '')
  if (!client || !(client.type === 'public' || isProven))
    throw new OAuthError('invalid_client', 'client failed to authenticate')
  return client
}

/** A client must send its secret in one way only: with two different ones, either could be used. */
function shownBy(basic: ClientProof | undefined, form: ClientProof): ClientProof {
  if (!basic) return form
  const isSame = (form.id === '' || form.id === basic.id) && (form.secret === '' || form.secret === basic.secret)
  if (!isSame) throw new OAuthError('invalid_request', 'the Authorization header and the form show different clients')
  return basic
}

/** Both parts are form-encoded. Undefined: no such header, or an invalid one. */
function basicOf(header: Request['headers'][string]): ClientProof | undefined {
  const encoded = typeof header === 'string' ? /^Basic ([A-Za-z0-9+/=]{1,4096})$/i.exec(header)?.[1] : undefined
  const [id, secret] = Buffer.from(encoded ?? '', 'base64')
    .toString('utf8')
    .split(':', 2)
  if (!id || secret === undefined) return undefined
  try {
    return { id: decoded(id), secret: decoded(secret) }
  } catch {
    return undefined
  }
}

const decoded = (part: string): string => decodeURIComponent(part.replaceAll('+', ' '))
