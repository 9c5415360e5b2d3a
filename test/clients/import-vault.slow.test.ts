import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { Shell } from '../cli/support.ts'
import { freePort } from '../support/free-port.ts'
import { devServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'
import { installedBao } from './programs/bao.ts'
import { Service } from './programs/service.ts'

const types = ['aes128-gcm96', 'aes256-gcm96', 'chacha20-poly1305', 'xchacha20-poly1305', 'ed25519', 'ecdsa-p256', 'ecdsa-p384', 'ecdsa-p521', 'rsa-2048', 'hmac'] // prettier-ignore

describe('import vault from OpenBao 2.6.2', function () {
  this.timeout(120_000)
  const service = new Service()
  let address = ''
  let target: TestServer
  before(async function () {
    const program = await installedBao(this)
    const port = await freePort()
    address = `http://127.0.0.1:${port}`
    service.start(program, ['server', '-dev', '-dev-root-token-id=root', `-dev-listen-address=127.0.0.1:${port}`])
    await service.until('bao answers', async () => fetch(`${address}/v1/sys/health`).then(({ ok }) => ok, () => false)) // prettier-ignore
    target = await devServer()
  })
  after(async () => {
    await service.stop()
    await target?.running.stop()
  })

  async function bao(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
    const answer = await fetch(`${address}/v1/${path}`, { method, headers: { 'X-Vault-Token': 'root' }, ...(body !== undefined && { body: JSON.stringify(body) }) }) // prettier-ignore
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${path}: ${text}`)
    return text === '' ? {} : ((JSON.parse(text) as { readonly data: Record<string, unknown> }).data ?? {})
  }

  it('takes over secrets with their versions, keys of every type, policies and roles', async () => {
    await bao('PUT', 'sys/policies/acl/app', { policy: 'path "secret/*" { capabilities = ["read"] }' })
    await bao('POST', 'sys/mounts/one', { type: 'kv', options: { version: '1' } })
    await bao('POST', 'one/a', { password: 'first' })
    for (const at of [1, 2, 3]) await bao('POST', 'secret/data/team/db', { data: { at } })
    await bao('POST', 'secret/delete/team/db', { versions: [2] })
    await bao('POST', 'sys/mounts/transit', { type: 'transit' })
    for (const type of types) {
      await bao('POST', `transit/keys/${type}`, { type, exportable: true, allow_plaintext_backup: true, ...(type === 'hmac' && { key_size: 32 }) }) // prettier-ignore
      await bao('POST', `transit/keys/${type}/rotate`, {})
    }
    await bao('POST', 'sys/auth/approle', { type: 'approle' })
    await bao('POST', 'auth/approle/role/web', { token_policies: ['app'], token_ttl: '1h' })

    const shell = new Shell({ VAULT_ADDR: target.running.address, VAULT_TOKEN: target.token })
    const file = join(shell.home, 'token')
    writeFileSync(file, 'root')
    const { code, out, err } = await shell.run(`import vault -from=${address} -from-token-file=${file}`)
    expect(code, out + err).to.equal(0)
    expect(err).to.match(/ 0 failed/)

    expect(await target.data('GET', 'one/a')).to.deep.equal({ password: 'first' })
    expect((await target.data('GET', 'secret/data/team/db'))['data']).to.deep.equal({ at: 3 })
    expect((await target.data('GET', 'secret/data/team/db?version=1'))['data']).to.deep.equal({ at: 1 })
    expect((await target.call('GET', '/v1/secret/data/team/db?version=2')).status).to.equal(404)
    expect(await target.data('GET', 'auth/approle/role/web/role-id')).to.deep.equal(await bao('GET', 'auth/approle/role/web/role-id')) // prettier-ignore
    for (const type of types) await isTheSameKey(type)
    const again = await shell.run(`import vault -from=${address} -from-token-file=${file}`)
    expect(again.err).to.match(/^0 imported/m)
    // Both servers tell the same of a key, but nothing of one for HMAC.
    expect(again.out.match(/(?<=^left +key +transit\/keys\/)[^:]+/gm)).to.deep.equal(['hmac'])
  })

  /** What the one makes with the first version of the key, the other takes. */
  async function isTheSameKey(type: string): Promise<void> {
    const input = Buffer.from('a message').toString('base64')
    const signs = /^(ed|ec|rsa)/.test(type)
    if (!signs && type !== 'hmac') {
      const { ciphertext } = await bao('POST', `transit/encrypt/${type}`, { plaintext: input, key_version: 1 })
      expect(await target.data('POST', `transit/decrypt/${type}`, { ciphertext }), type).to.deep.equal({ plaintext: input }) // prettier-ignore
    }
    if (signs) {
      const { signature } = await bao('POST', `transit/sign/${type}`, { input, key_version: 1 })
      expect(await target.data('POST', `transit/verify/${type}`, { input, signature }), type).to.deep.include({ valid: true }) // prettier-ignore
    }
    const { hmac } = await bao('POST', `transit/hmac/${type}`, { input, key_version: 1 })
    expect(await target.data('POST', `transit/verify/${type}`, { input, hmac }), type).to.deep.include({ valid: true })
  }
})
