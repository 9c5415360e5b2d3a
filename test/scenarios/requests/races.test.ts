import { expect } from 'chai'
import type { Body, Reply, TestServer } from '../../support/server.ts'
import { levelServer, openLevelServer } from '../../support/server.ts'

const many = 200

/** The same request, so often at once. */
async function atOnce(count: number, ask: (at: number) => Promise<Reply>): Promise<readonly Reply[]> {
  return Promise.all(Array.from({ length: count }, async (_, at) => ask(at)))
}

const succeeded = (replies: readonly Reply[]): readonly Reply[] => replies.filter(({ status }) => status < 300)

describe('async TOCTOU: uses and quotas are counted exactly, however many ask at once', function () {
  this.timeout(120_000)
  let server: TestServer
  before(async () => {
    server = await openLevelServer('disable_unauthed_generate_root_endpoints = false')
    await server.data('POST', 'sys/mounts/kv', { type: 'kv', options: { version: '2' } })
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
  })
  after(async () => server.running.stop())

  for (const uses of [1, 7])
    it(`a token of ${uses} uses is used so often`, async () => {
      const { body } = await server.call('POST', '/v1/auth/token/create', { num_uses: uses })
      const { client_token: token } = body['auth'] as { readonly client_token: string }
      const replies = await atOnce(many, async () =>
        server.call('GET', '/v1/sys/mounts', undefined, { 'X-Vault-Token': token }),
      )
      expect(succeeded(replies)).to.have.length(uses)
      expect(new Set(replies.map(({ status }) => status))).to.deep.equal(new Set([200, 403]))
    })

  it('a wrapped response is unwrapped once', async () => {
    const wrapped = await server.call('POST', '/v1/sys/wrapping/wrap', { a: 1 }, { 'X-Vault-Token': server.token, 'X-Vault-Wrap-TTL': '60' }) // prettier-ignore
    const { token } = wrapped.body['wrap_info'] as { readonly token: string }
    const replies = await atOnce(many, async (at) =>
      at % 2 === 0
        ? server.call('POST', '/v1/sys/wrapping/unwrap', { token })
        : server.call('POST', '/v1/sys/wrapping/unwrap', undefined, { 'X-Vault-Token': token }),
    )
    expect(succeeded(replies)).to.have.length(1)
  })

  it('a check-and-set writes one of all versions, the first and later ones', async () => {
    for (const cas of [0, 1, 2]) {
      const replies = await atOnce(many, async (at) => server.call('POST', '/v1/kv/data/cas', { options: { cas }, data: { at } })) // prettier-ignore
      expect(succeeded(replies), `cas ${cas}`).to.have.length(1)
    }
    expect((await server.data('GET', 'kv/metadata/cas'))['current_version']).to.equal(3)
  })

  it('every write without check-and-set is a version of its own', async () => {
    const replies = await atOnce(many, async (at) => server.call('POST', '/v1/kv/data/all', { data: { at } }))
    const versions = succeeded(replies).map(({ body }) => (body['data'] as { readonly version: number }).version)
    expect(versions.toSorted((a, b) => a - b)).to.deep.equal(Array.from({ length: many }, (_, at) => at + 1))
  })

  it('every rotation of a key is a version of its own, and one creation is one key', async () => {
    const made = await atOnce(50, async (at) => server.call('POST', '/v1/transit/encrypt/upserted', { plaintext: Buffer.from(`${at}`).toString('base64') })) // prettier-ignore
    expect(succeeded(made)).to.have.length(50)
    for (const [at, { body }] of made.entries()) {
      const { ciphertext } = body['data'] as { readonly ciphertext: string }
      const { plaintext } = await server.data('POST', 'transit/decrypt/upserted', { ciphertext })
      expect(Buffer.from(String(plaintext), 'base64').toString()).to.equal(String(at))
    }
    const rotated = await atOnce(50, async () => server.call('POST', '/v1/transit/keys/upserted/rotate'))
    expect(succeeded(rotated)).to.have.length(50)
    expect((await server.data('GET', 'transit/keys/upserted'))['latest_version']).to.equal(51)
  })

  it('a policy with check-and-set is written once', async () => {
    const policy = 'path "a" { capabilities = ["read"] }'
    const replies = await atOnce(many, async () => server.call('POST', '/v1/sys/policies/acl/cas', { policy, cas: -1 }))
    expect(succeeded(replies)).to.have.length(1)
  })

  it('a path is mounted once', async () => {
    const replies = await atOnce(50, async () => server.call('POST', '/v1/sys/mounts/once', { type: 'kv' }))
    expect(succeeded(replies)).to.have.length(1)
  })

  it('one rekey and one generation of a root token are under way, and a share counts once', async () => {
    for (const path of ['sys/rotate/root/init', 'sys/generate-root/attempt']) {
      const begun = await atOnce(50, async () => server.call('PUT', `/v1/${path}`, path.includes('root/init') ? { secret_shares: 3, secret_threshold: 2 } : {})) // prettier-ignore
      expect(succeeded(begun), `${path}: ${begun[0]?.status} ${begun[0]?.text}`).to.have.length(1)
    }
    // Older paths answer without an envelope.
    const contentOf = ({ body }: Reply): Body => (body['data'] as Body | undefined) ?? body
    const progress = async (path: string): Promise<Body> => contentOf(await server.call('GET', `/v1/${path}`))
    const [first = '', second = ''] = server.shares
    for (const [status, update] of [
      ['sys/generate-root/attempt', 'sys/generate-root/update'],
      // Last: other shares count behind it.
      ['sys/rotate/root/init', 'sys/rotate/root/update'],
    ] as const) {
      // prettier-ignore
      const { nonce } = await progress(status)
      await atOnce(50, async () => server.call('PUT', `/v1/${update}`, { key: first, nonce }))
      expect((await progress(status))['progress'], update).to.equal(1)
      const ended = await atOnce(50, async () => server.call('PUT', `/v1/${update}`, { key: second, nonce }))
      expect(
        succeeded(ended).filter((reply) => contentOf(reply)['complete'] === true),
        update,
      ).to.have.length(1)
    }
  })

  it('the second share unseals once, and the same share is no second one', async () => {
    const sealed = await levelServer()
    const made = await sealed.call('PUT', '/v1/sys/init', { secret_shares: 3, secret_threshold: 2 })
    const [first = '', second = ''] = made.body['keys'] as readonly string[]
    await atOnce(50, async () => sealed.call('PUT', '/v1/sys/unseal', { key: first }))
    expect((await sealed.call('GET', '/v1/sys/seal-status')).body).to.include({ sealed: true, progress: 1 })
    await atOnce(50, async () => sealed.call('PUT', '/v1/sys/unseal', { key: second }))
    expect((await sealed.call('GET', '/v1/sys/seal-status')).body).to.include({ sealed: false, progress: 0 })
    await sealed.running.stop()
  })
})
