import { expect } from 'chai'
import { fromBase32 } from '../../../../src/crypto/one-time/base32.ts'
import { codeOf } from '../../../../src/crypto/one-time/codes.ts'
import type { Clock } from '../../../../src/util/clock.ts'
import type { Body, Reply, TestServer } from '../../../support/server.ts'

/** The enrolled key of an entity. */
export interface Enrolled {
  readonly entity: string
  /** The code of now, or of so many periods later. */
  code(ahead?: number): string
}

export interface Demand {
  readonly mfa_request_id: string
  readonly mfa_constraints: Readonly<Record<string, { readonly any: readonly Body[] }>>
}

/** The token of a login; fails the test when there is none. */
export function tokenOf({ status, text, body }: Reply): string {
  const token = (body['auth'] as Body | null)?.['client_token']
  expect(token, `${status} ${text}`).to.be.a('string').and.not.equal('')
  return String(token)
}

/** The requirement of a login that waits; fails the test when there is none. */
export function demandOf({ status, text, body }: Reply): Demand {
  const auth = body['auth'] as Body | null
  expect(auth?.['mfa_requirement'], `${status} ${text}`).to.be.an('object')
  expect(auth?.['client_token']).to.equal('')
  return auth?.['mfa_requirement'] as Demand
}

/** People with passwords and second factors, at one server. */
export class People {
  readonly server: TestServer
  readonly #clock: Pick<Clock, 'now'>

  constructor(server: TestServer, clock: Pick<Clock, 'now'>) {
    this.server = server
    this.#clock = clock
  }

  async post(path: string, data: Body = {}, headers?: Readonly<Record<string, string>>): Promise<Reply> {
    return this.server.call('POST', `/v1/${path}`, data, headers ?? { 'X-Vault-Token': this.server.token })
  }

  async login(name: string, headers: Readonly<Record<string, string>> = {}): Promise<Reply> {
    return this.post(`auth/userpass/login/${name}`, { password: 'pw' }, headers)
  }

  async validate(id: string, payload: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Reply> {
    return this.post('sys/mfa/validate', { mfa_request_id: id, mfa_payload: payload }, headers)
  }

  async method(settings: Body = {}): Promise<string> {
    return String(
      (await this.server.data('POST', 'identity/mfa/method/totp', { issuer: 'Example', ...settings }))['method_id'],
    )
  }

  /** A user whose entity exists. Only before an enforcement fits. */
  async user(name: string, settings: Body = {}): Promise<string> {
    await this.server.data('POST', `auth/userpass/users/${name}`, { password: 'pw', ...settings })
    const reply = await this.login(name)
    tokenOf(reply)
    return String((reply.body['auth'] as Body)['entity_id'])
  }

  async enrol(entity: string, method: string): Promise<Enrolled> {
    const { url } = await this.server.data('POST', 'identity/mfa/method/totp/admin-generate', {
      method_id: method,
      entity_id: entity,
    })
    const { searchParams } = new URL(String(url))
    const key = Buffer.from(fromBase32(searchParams.get('secret') ?? '') ?? []).toString('base64')
    const [digits, period] = [Number(searchParams.get('digits')), Number(searchParams.get('period'))]
    const algorithm = searchParams.get('algorithm') ?? ''
    return {
      entity,
      code: (ahead = 0) => codeOf({ key, algorithm, digits }, Math.floor(this.#clock.now() / 1000 / period) + ahead),
    }
  }
}
