import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import type { View } from '../../../../src/contract/view.ts'
import { randomBytes } from '../../../../src/crypto/fast/random.ts'
import { Identity } from '../../../../src/engines/identity/identity.ts'
import { silent } from '../../../../src/util/log.ts'
import type { HandClock } from '../../../support/clock.ts'
import type { Body, Reply, TestServer } from '../../../support/server.ts'

export const base = 'identity/oidc'

/** Somebody who has logged in. */
export interface Person {
  readonly token: string
  readonly entity: string
}

/** The identities of the root namespace, without a server. */
export function identityOf(view: View, clock: HandClock): Identity {
  const limits = () => ({ defaultTtl: 1, maxTtl: 1 })
  const host = { view, clock, log: silent, accessor: 'x', namespace: 'root', limits, mayLogIn: () => true }
  return new Identity(host, {
    mountsOf: () => [],
    above: () => [],
    pathOf: () => '',
    apiAddress: () => '',
    uuid: randomUUID,
    random: randomBytes,
  })
}

/** Makes userpass users at a server and logs them in. `inside` is a namespace. */
export async function person(server: TestServer, name: string, rules = '', inside = ''): Promise<Person> {
  const headers = { 'X-Vault-Token': server.token, ...(inside !== '' && { 'X-Vault-Namespace': inside }) }
  const call = async (method: string, path: string, data: Body): Promise<Reply> =>
    server.call(method, `/v1/${path}`, data, headers)
  await call('POST', 'sys/auth/userpass', { type: 'userpass' })
  if (rules !== '') expect((await call('PUT', `sys/policies/acl/${name}`, { policy: rules })).status).to.equal(204)
  await call('POST', `auth/userpass/users/${name}`, { password: 'pw', token_policies: rules === '' ? [] : [name] })
  const { body, text } = await call('POST', `auth/userpass/login/${name}`, { password: 'pw' })
  const auth = body['auth'] as Body | undefined
  expect(auth?.['client_token'], text).to.be.a('string')
  return { token: String(auth?.['client_token']), entity: String(auth?.['entity_id']) }
}

/** The header and the claims of a JWT, unverified. */
export function partsOf(token: string): readonly [header: Body, claims: Body] {
  const [header = '', claims = ''] = token.split('.')
  const read = (part: string): Body => JSON.parse(Buffer.from(part, 'base64url').toString()) as Body
  return [read(header), read(claims)]
}

/** Reads whatever identity tokens need. */
export const tokenRules = `path "${base}/token/*" { capabilities = ["read"] }`
