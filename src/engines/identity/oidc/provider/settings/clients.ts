import { refuse } from '../../../../../contract/fault.ts'
import type { Transaction } from '../../../../../contract/view.ts'
import { base62 } from '../../../../../util/base62.ts'
import type { Identity } from '../../../identity.ts'
import { pointerShape } from '../../../records.ts'
import { atOidc } from '../../names.ts'
import { defaultKeyName } from '../../tokens/key-record.ts'
import { keyNamed } from '../../tokens/keys.ts'
import { clientShape } from './client-record.ts'
import type { OidcClient } from './client-record.ts'
import { assignmentNamed } from './records.ts'
import { checkedRedirectUris } from './redirect-uris.ts'

/** The parameters of a write of a client; undefined: not sent. */
type ClientChange = {
  readonly [K in keyof Omit<OidcClient, 'id' | 'secret' | 'type'>]: OidcClient[K] | undefined
} & {
  readonly type: string | undefined
}

const day = 24 * 3600

/** A new client without id and secret, not stored yet. */
const fresh: Omit<OidcClient, 'id' | 'secret'> = {
  type: 'confidential',
  key: defaultKeyName,
  redirectUris: [],
  assignments: [],
  idTokenTtl: day,
  accessTokenTtl: day,
  authorizationCode: true,
  clientCredentials: false,
}

/** Creates or changes a client. @param confirm see `Call.confirm`. @throws Fault invalid_request */
export async function setClient(
  { view, random }: Identity,
  name: string,
  change: ClientChange,
  confirm: (exists: boolean) => void,
): Promise<void> {
  const id = base62(32, random)
  const secret = `hvo_secret_${base62(64, random)}`
  await view.transaction(async (tx) => {
    const old = await tx.get(atOidc.client(name), clientShape)
    confirm(old !== undefined)
    const next = await checkedClient(tx, change, old ?? { ...fresh, ...typed(change, secret), id }, old !== undefined)
    tx.put(atOidc.client(name), next)
    if (!old) tx.put(atOidc.clientId(next.id), { id: name })
  })
}

function typed({ type = 'confidential' }: ClientChange, secret: string): Pick<OidcClient, 'type' | 'secret'> {
  if (type !== 'confidential' && type !== 'public') throw refuse(`invalid client_type "${type}"`)
  return { type, secret: type === 'public' ? '' : secret }
}

async function checkedClient(
  tx: Transaction,
  change: ClientChange,
  old: OidcClient,
  exists: boolean,
): Promise<OidcClient> {
  if (exists && change.key !== undefined && change.key !== old.key) throw refuse('key modification is not allowed')
  if (exists && change.type !== undefined && change.type !== old.type)
    throw refuse('client_type modification is not allowed')
  const { type: _, ...settings } = change
  const present = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined))
  const merged: OidcClient = { ...old, ...present }
  const next = {
    ...merged,
    redirectUris: checkedRedirectUris(merged.redirectUris),
    assignments: [...new Set(merged.assignments)],
  }
  if (next.type === 'public' && next.clientCredentials)
    throw refuse('client_credentials is for confidential clients only: a public client does not authenticate itself')
  await refuseUnknown(tx, next)
  return next
}

/** @throws Fault invalid_request if the key or an assignment does not exist, or the TTL exceeds the verification_ttl of the key */
async function refuseUnknown(tx: Transaction, { key: name, idTokenTtl, assignments }: OidcClient): Promise<void> {
  const key = await keyNamed(tx, name)
  if (!key) throw refuse(`key "${name}" does not exist`)
  if (idTokenTtl > key.verificationTtl)
    throw refuse("a client's id_token_ttl cannot be greater than the verification_ttl of the key it references")
  for (const one of assignments)
    if (!(await assignmentNamed(tx, one))) throw refuse(`assignment "${one}" does not exist`)
}

/** The client with an id. */
export async function clientById({ view }: Pick<Identity, 'view'>, id: string): Promise<OidcClient | undefined> {
  if (!/^\w{1,64}$/.test(id)) return undefined
  const pointer = await view.get(atOidc.clientId(id), pointerShape)
  const client = pointer && (await view.get(atOidc.client(pointer.id), clientShape))
  return client?.id === id ? client : undefined
}

/** Removes a client. Its tokens are refused from then on. */
export async function removeClient({ view }: Identity, name: string): Promise<void> {
  await view.transaction(async (tx) => {
    const client = await tx.get(atOidc.client(name), clientShape)
    if (!client) return
    tx.del(atOidc.client(name))
    tx.del(atOidc.clientId(client.id))
  })
}
