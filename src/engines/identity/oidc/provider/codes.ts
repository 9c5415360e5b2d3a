import { hash } from 'node:crypto'
import { base62 } from '../../../../util/base62.ts'
import { isListOf, isName, isOneOf, isText, isTime, orAbsent, orNull, shapeOf } from '../../../../util/stored/shape.ts'
import type { Identity } from '../../identity.ts'

/** A login whose client has not fetched the tokens yet. Stored under the hash of its code. */
export interface Grant {
  /** The name of the provider. */
  readonly provider: string
  /** `OidcProvider.id`. */
  readonly providerId?: string
  /** The id of the client. */
  readonly client: string
  readonly entity: string
  readonly redirectUri: string
  readonly scopes: readonly string[]
  /** '' : none. */
  readonly nonce: string
  /** Epoch seconds; null unless the client requested the time of the login. */
  readonly authTime: number | null
  /** PKCE (RFC 7636); '' : none. */
  readonly challenge: string
  readonly challengeMethod: 'plain' | 'S256'
  /** Epoch milliseconds. */
  readonly expiresAt: number
}

const grantShape = shapeOf<Grant>('the grant of a code', {
  provider: isName,
  providerId: orAbsent(isName),
  client: isName,
  entity: isName,
  redirectUri: isName,
  scopes: isListOf(isName),
  nonce: isText,
  authTime: orNull(isTime),
  challenge: isText,
  challengeMethod: isOneOf('plain', 'S256'),
  expiresAt: isTime,
})

/** How long a code is valid, milliseconds. */
const validFor = 5 * 60_000
const minute = 60_000
const random = 32
const suffix = 6

/** The key of a grant. It begins with the minute of its expiry, which is the end of the code. */
const grantKey = (expiryMinute: number, code: string): string =>
  `oidc-code/${expiryMinute}/${hash('sha256', code, 'hex')}`

/** Stores a grant. @returns its code */
export async function newCode(
  { view, clock, random: bytes }: Identity,
  grant: Omit<Grant, 'expiresAt'>,
): Promise<string> {
  const expiresAt = clock.now() + validFor
  const expiryMinute = Math.floor(expiresAt / minute)
  const code = base62(random, bytes) + expiryMinute.toString(36).padStart(suffix, '0')
  await view.put(grantKey(expiryMinute, code), { ...grant, expiresAt } satisfies Grant)
  return code
}

/** Consumes the grant of a code: only one of several concurrent requests gets it. Undefined: it is invalid, used or expired. */
export async function takeGrant({ view, clock }: Identity, code: string): Promise<Grant | undefined> {
  const parts = /^[0-9A-Za-z]{32}([0-9a-z]{6})$/.exec(code)
  if (!parts) return undefined
  const key = grantKey(Number.parseInt(parts[1] ?? '', 36), code)
  const grant = await view.transaction(async (tx) => {
    const found = await tx.get(key, grantShape)
    if (found) tx.del(key)
    return found
  })
  return grant && grant.expiresAt > clock.now() ? grant : undefined
}

/** Removes expired grants. */
export async function removeExpiredGrants({ view, clock }: Pick<Identity, 'view' | 'clock'>): Promise<void> {
  const now = Math.floor(clock.now() / minute)
  for (const folder of await view.list('oidc-code/'))
    if (Number.parseInt(folder, 10) < now) await view.clear(`oidc-code/${folder}`)
}
