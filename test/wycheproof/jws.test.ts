import { expect } from 'chai'
import { IdentityProvider, sends } from '../support/services/identity-provider.ts'
import { devServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'
import { jwsGroups } from './vectors.ts'
import type { JwsGroup } from './vectors.ts'

/** Valid by the vectors, and refused here: nothing is signed, which no login can use; and the PS256 and "ES521" of old figures, which do not fit their keys' own `alg`. */
const refusedThough = [259, 264, 268, 272, 320, 325, 346, 347, 350, 351]
const forEncryption = ['rsa_encryption', 'ec_key_for_encryption']

describe('Wycheproof over HTTP: JWS', () => {
  let server: TestServer
  let provider: IdentityProvider
  before(async () => {
    server = await devServer()
    provider = await IdentityProvider.start()
  })
  after(async () => {
    await provider.stop()
    await server.running.stop()
  })

  /** A mount with the key of these vectors; undefined when it takes no such key. */
  const mounted = async (group: JwsGroup, at: number): Promise<string | undefined> => {
    const mount = `jwt${at}`
    provider.answers.set('/keys', sends({ keys: [group.public] }))
    await server.data('POST', `sys/auth/${mount}`, { type: 'jwt' })
    const { status } = await server.call('POST', `/v1/auth/${mount}/config`, { jwks_url: `${provider.url}/keys` })
    if (status !== 204) return undefined
    await server.data('POST', `auth/${mount}/role/r`, { role_type: 'jwt', user_claim: 'sub', bound_audiences: 'x' })
    return mount
  }

  it('jwt class: a login accepts the signatures that are valid, and no other', async function () {
    this.timeout(60_000)
    const [accepted, wanted]: [number[], number[]] = [[], []]
    for (const [at, group] of jwsGroups().entries()) {
      const mount = await mounted(group, at)
      expect(mount === undefined, group.comment).to.equal(forEncryption.includes(group.comment))
      if (mount === undefined) continue
      for (const { tcId, jws, result } of group.tests) {
        if (result === 'valid' && !refusedThough.includes(tcId)) wanted.push(tcId)
        const { status, text } = await server.call('POST', `/v1/auth/${mount}/login`, { role: 'r', jwt: jws }, {})
        expect(status, `${tcId} ${text}`).to.equal(400)
        // What was signed is no set of claims: an answer that says so comes after the signature was verified.
        if (/its payload is not (a )?JSON/.test(text)) accepted.push(tcId)
      }
    }
    expect(accepted).to.deep.equal(wanted)
    expect(accepted).to.have.length(26)
  })
})
