import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { verifyAuditFiles } from '../../audit/verdict.ts'
import { levelServer, openLevelServer, restarted, unseal } from '../../support/server.ts'

interface AuditLine {
  readonly type: string
  readonly error?: string
  readonly request: { readonly path: string; readonly operation: string }
}

describe('the lifecycle of a server, over HTTP on LevelDB', () => {
  it('starts sealed, is unsealed by two of three shares, keeps everything across a restart', async () => {
    let server = await openLevelServer()
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
    await server.data('POST', 'transit/keys/k', {})
    const { ciphertext } = await server.data('POST', 'transit/encrypt/k', { plaintext: 'aGVsbG8=' })
    await server.data('POST', 'cubbyhole/a', { x: 1 })
    await server.data('PUT', 'sys/policies/acl/p', { policy: 'path "a" { capabilities = ["read"] }' })
    server = await restarted(server)
    expect((await server.call('GET', '/v1/sys/mounts')).status).to.equal(503)
    expect((await server.call('GET', '/v1/sys/health')).status).to.equal(503)
    await unseal(server)
    expect((await server.call('GET', '/v1/sys/health')).status).to.equal(200)
    expect(await server.data('POST', 'transit/decrypt/k', { ciphertext })).to.deep.equal({ plaintext: 'aGVsbG8=' })
    expect(await server.data('GET', 'cubbyhole/a')).to.deep.equal({ x: 1 })
    expect((await server.data('GET', 'sys/policies/acl/p'))['name']).to.equal('p')
    await server.running.stop()
    expect((await verifyAuditFiles([join(server.folder, 'audit.log')])).ok).to.equal(true)
  })

  it('a wrong set of shares resets the progress, and does not reveal which one was wrong', async () => {
    let server = await openLevelServer()
    const [first = '', second = ''] = server.shares
    server = await restarted(server)
    const wrong = `00${'11'.repeat(31)}09`
    const refusals = []
    for (const pair of [
      [first, wrong],
      [wrong, first],
      [wrong, `${'22'.repeat(32)}08`],
    ]) {
      expect((await server.call('PUT', '/v1/sys/unseal', { key: pair[0] })).body['progress']).to.equal(1)
      const refused = await server.call('PUT', '/v1/sys/unseal', { key: pair[1] })
      refusals.push(`${refused.status} ${refused.text}`)
      expect((await server.call('GET', '/v1/sys/seal-status')).body['progress']).to.equal(0)
    }
    expect(new Set(refusals).size).to.equal(1)
    expect(refusals[0]).to.match(/^400 /)
    await server.call('PUT', '/v1/sys/unseal', { key: first })
    expect(
      (await server.call('PUT', '/v1/sys/unseal', { key: first })).body['progress'],
      'the same share counts once',
    ).to.equal(1)
    expect((await server.call('PUT', '/v1/sys/unseal', { key: second })).body['sealed']).to.equal(false)
    await server.running.stop()
  })

  it('lets 20 operators unseal at once', async () => {
    let server = await openLevelServer()
    server = await restarted(server)
    await Promise.all(
      Array.from({ length: 20 }, async (_, at) => server.call('PUT', '/v1/sys/unseal', { key: server.shares[at % 3] })),
    )
    expect((await server.call('GET', '/v1/sys/seal-status')).body['sealed']).to.equal(false)
    await server.running.stop()
  })

  it('initialises once, however many try at once', async () => {
    const server = await levelServer()
    const replies = await Promise.all(
      Array.from({ length: 8 }, async () =>
        server.call('PUT', '/v1/sys/init', { secret_shares: 1, secret_threshold: 1 }),
      ),
    )
    expect(replies.filter(({ status }) => status === 200)).to.have.length(1)
    await server.running.stop()
  })

  it('new shares replace the old ones; a failed rekey leaves the old ones', async () => {
    let server = await openLevelServer()
    const start = async () =>
      (await server.data('POST', 'sys/rotate/root/init', { secret_shares: 2, secret_threshold: 2 }))['nonce']
    let nonce = await start()
    await server.call('POST', '/v1/sys/rotate/root/update', { key: server.shares[0], nonce })
    expect(
      (await server.call('POST', '/v1/sys/rotate/root/update', { key: `${'33'.repeat(32)}07`, nonce })).status,
    ).to.equal(400)
    await server.call('DELETE', '/v1/sys/rotate/root/init')
    nonce = await start()
    await server.data('POST', 'sys/rotate/root/update', { key: server.shares[1], nonce })
    const made = await server.data('POST', 'sys/rotate/root/update', { key: server.shares[2], nonce })
    const old = server.shares
    server = await restarted(server)
    for (const key of old.slice(0, 2)) await server.call('PUT', '/v1/sys/unseal', { key })
    expect((await server.call('GET', '/v1/sys/seal-status')).body['sealed']).to.equal(true)
    server.shares = made['keys'] as readonly string[]
    await server.call('PUT', '/v1/sys/unseal', { reset: true })
    await unseal(server)
    expect((await server.call('GET', '/v1/sys/seal-status')).body['sealed']).to.equal(false)
    await server.running.stop()
  })

  it('a new root key is unsealed by the same shares', async () => {
    let server = await openLevelServer()
    await server.data('PUT', 'sys/rotate/root')
    await server.data('PUT', 'sys/rotate')
    server = await restarted(server)
    await unseal(server)
    expect((await server.data('GET', 'sys/key-status'))['term']).to.equal(2)
    await server.running.stop()
  })

  it('CVE-2026-5807: rekey and generate-root are closed to requests without a token', async () => {
    const server = await openLevelServer()
    for (const [method, path] of [
      ['GET', 'sys/rekey/init'],
      ['PUT', 'sys/rekey/init'],
      ['DELETE', 'sys/rekey/init'],
      ['GET', 'sys/generate-root/attempt'],
      ['PUT', 'sys/generate-root/attempt'],
      ['DELETE', 'sys/generate-root/attempt'],
    ] as const) {
      expect((await server.call(method, `/v1/${path}`, method === 'PUT' ? {} : undefined, {})).status, path).to.equal(
        405,
      )
    }
    for (const path of ['sys/rotate/root/init', 'sys/generate-root-token/attempt', 'sys/seal', 'sys/step-down'])
      expect((await server.call('PUT', `/v1/${path}`, {}, {})).status, path).to.equal(403)
    // Nor is a token enough that no policy lets near them; and nobody else's operation is cancelled by guessing.
    const other = { 'X-Vault-Token': await server.tokenWith('path "secret/*" { capabilities = ["read"] }') }
    const begun = await server.data('PUT', 'sys/generate-root-token/attempt', {})
    await server.data('PUT', 'sys/rotate/root/init', { secret_shares: 3, secret_threshold: 2 })
    for (const path of ['sys/rotate/root/init', 'sys/generate-root-token/attempt'])
      for (const method of ['GET', 'PUT', 'DELETE'])
        expect((await server.call(method, `/v1/${path}`, method === 'PUT' ? {} : undefined, other)).status, path).to.equal(403) // prettier-ignore
    for (const path of ['sys/rotate/root/init', 'sys/generate-root-token/attempt'])
      expect((await server.call('DELETE', `/v1/${path}?nonce=${randomUUID()}`)).status, path).to.equal(400)
    expect(await server.data('GET', 'sys/generate-root-token/attempt')).to.include({ started: true, nonce: begun['nonce'] }) // prettier-ignore
    expect(await server.data('GET', 'sys/rotate/root/init')).to.include({ started: true })
    await server.running.stop()
    // Every attempt stands in the log, refused or not.
    const lines = readFileSync(join(server.folder, 'audit.log'), 'utf8').split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as AuditLine) // prettier-ignore
    for (const path of [
      'sys/rekey/init',
      'sys/generate-root/attempt',
      'sys/rotate/root/init',
      'sys/generate-root-token/attempt',
    ])
      for (const operation of ['read', 'update', 'delete'])
        expect(
          lines.some(({ type, error, request }) => type === 'response' && error !== undefined && request.path === path && request.operation === operation), // prettier-ignore
          `${operation} ${path}`,
        ).to.equal(true)
  })

  it('writes down unseal and init too, with every share hashed', async () => {
    const server = await openLevelServer()
    await server.running.stop()
    const text = readFileSync(join(server.folder, 'audit.log'), 'utf8')
    for (const path of ['sys/init', 'sys/unseal']) expect(text).to.include(`"path":"${path}"`)
    for (const secret of [...server.shares, server.token]) expect(text).to.not.include(secret)
  })
})
