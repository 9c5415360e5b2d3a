import { execFileSync } from 'node:child_process'
import { createPublicKey } from 'node:crypto'
import { expect } from 'chai'
import { certificate } from '../../support/certificate.ts'
import { leaveOut } from '../../support/leave-out.ts'
import { devServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'

describe('certificates of transit keys', () => {
  let server: TestServer
  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
  })
  after(() => server.running.stop())

  for (const type of ['ed25519', 'ecdsa-p256', 'ecdsa-p384', 'ecdsa-p521', 'rsa-2048'])
    it(`makes requests that OpenSSL verifies, for ${type}`, async function () {
      try {
        execFileSync('openssl', ['version'])
      } catch {
        leaveOut(this, 'no openssl on this machine')
      }
      const made = await server.data('POST', `transit/keys/${type}`, { type })
      const keys = made['keys'] as Record<string, { readonly public_key: string }>
      const first = await server.data('POST', `transit/keys/${type}/csr`, {})
      const again = await server.data('POST', `transit/keys/${type}/csr`, { csr: first['csr'] })
      const input = String(again['csr'])
      execFileSync('openssl', ['req', '-verify', '-noout'], { input, stdio: 'pipe' })
      if (type === 'ed25519') return
      const key = execFileSync('openssl', ['req', '-pubkey', '-noout'], { input }).toString()
      expect(createPublicKey(key).equals(createPublicKey(keys['1']?.public_key ?? ''))).to.equal(true)
    })

  it('takes the latest version only when none was given: "", null and 0 name none', async () => {
    await server.data('POST', 'transit/keys/versions', { type: 'ed25519' })
    const { csr } = await server.data('POST', 'transit/keys/versions/csr', {})
    for (const version of ['', null, 0, '0', -1])
      for (const [path, more] of [
        ['csr', {}],
        ['csr', { csr }],
        ['set-certificate', { certificate_chain: certificate().cert }],
      ] as const) {
        // prettier-ignore
        const reply = await server.call('POST', `/v1/transit/keys/versions/${path}`, { version, ...more })
        expect(reply.status, `${path} ${JSON.stringify(version)}`).to.equal(400)
        expect(reply.text, `${path} ${JSON.stringify(version)}`).to.match(/no version -?\d that is in use/)
      }
  })

  it('refuses templates cut off at any letter, without an internal error', async () => {
    const { csr } = await server.data('POST', 'transit/keys/ecdsa-p256/csr', {})
    const body = String(csr).split('\n').slice(1, -2).join('')
    for (let length = 0; length < body.length; length += 4) {
      const cut = `-----BEGIN CERTIFICATE REQUEST-----\n${body.slice(0, length)}\n-----END CERTIFICATE REQUEST-----`
      const reply = await server.call('POST', '/v1/transit/keys/ecdsa-p256/csr', { csr: cut })
      expect(reply.status, String(length)).to.equal(400)
    }
  })

  it('keeps no certificate of another key, and none of an authority in the first place', async () => {
    const reply = await server.call('POST', '/v1/transit/keys/ecdsa-p256/set-certificate', {
      certificate_chain: certificate().cert,
    })
    expect(reply.status).to.equal(400)
    const read = await server.data('GET', 'transit/keys/ecdsa-p256')
    expect((read['keys'] as Record<string, unknown>)['1']).to.have.property('certificate_chain', '')
    expect((await server.call('GET', '/v1/transit/export/certificate-chain/ecdsa-p256')).status).to.equal(400)
  })
})
