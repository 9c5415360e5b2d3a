import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { devServer } from '../../../support/server.ts'
import type { Body, TestServer } from '../../../support/server.ts'
import { ScriptedServer, Shell } from '../../support.ts'

interface Line {
  readonly kind: string
  readonly path: string
  readonly action: string
  readonly detail?: string
}

/** Fills a server with one of everything that can be imported, and some things that cannot. */
async function fill(source: TestServer): Promise<void> {
  await source.data('PUT', 'sys/policies/acl/app', { policy: 'path "secret/*" { capabilities = ["read"] }' })
  await source.data('POST', 'sys/mounts/one', { type: 'kv', options: { version: '1' } })
  await source.data('POST', 'sys/mounts/two', { type: 'kv', options: { version: '2' }, description: 'of the teams' })
  await source.data('POST', 'sys/mounts/strict', { type: 'kv', options: { version: '2' } })
  for (const at of [0, 1]) await source.data('POST', 'strict/data/a', { data: { at } })
  await source.data('POST', 'strict/config', {
    metadata_cas_required: true,
    cas_required: true,
    max_versions: 1,
    delete_version_after: '24h',
  })
  await source.data('POST', 'sys/mounts/keys', { type: 'transit' })
  await source.data('POST', 'sys/mounts/codes', { type: 'totp' })
  await source.data('PUT', 'one/a/b', { password: 'first', number: 1.5, list: [1, { a: null }] })
  for (const value of ['old', 'removed', 'gone', 'new'])
    await source.data('POST', 'two/data/team/db', { data: { value } })
  await source.data('POST', 'two/delete/team/db', { versions: [2] })
  await source.data('POST', 'two/destroy/team/db', { versions: [3] })
  await source.data('POST', 'two/metadata/team/db', { cas_required: true, custom_metadata: { owner: 'ops' } })
  await source.data('POST', 'two/metadata/trimmed', { max_versions: 2 })
  for (let at = 1; at <= 15; at++) await source.data('POST', 'two/data/trimmed', { data: { at } })
  await source.data('POST', 'keys/keys/orders', { exportable: true, allow_plaintext_backup: true })
  await source.data('POST', 'keys/keys/orders/rotate', {})
  await source.data('POST', 'keys/keys/fixed', {})
  await source.data('POST', 'sys/auth/apps', { type: 'approle' })
  await source.data('POST', 'auth/apps/role/web', { token_policies: ['app'], token_ttl: '1h', role_id: 'web-1' })
}

describe('import vault', () => {
  let [source, target]: TestServer[] = []
  let shell: Shell
  let words: string[]
  before(async () => {
    ;[source, target] = [await devServer(), await devServer()]
    shell = new Shell({ VAULT_ADDR: target.running.address, VAULT_TOKEN: target.token })
    const file = join(shell.home, 'token')
    writeFileSync(file, `${source.token}\n`)
    words = ['import', 'vault', `-from=${source.running.address}`, `-from-token-file=${file}`]
    await fill(source)
  })
  after(async () => Promise.all([source?.running.stop(), target?.running.stop()]))
  const from = (): TestServer => source as TestServer
  const to = (): TestServer => target as TestServer
  const lines = async (...more: readonly string[]): Promise<readonly Line[]> =>
    JSON.parse((await shell.run([...words, '-format=json', ...more])).out) as readonly Line[]
  const imported = (found: readonly Line[]): readonly string[] =>
    found.filter(({ action }) => action === 'import').map(({ path }) => path)
  const everything = [
    'app',
    'one/',
    'two/',
    'strict/',
    'strict/a',
    'strict/config',
    'keys/',
    'one/a/b',
    'two/team/db',
    'two/trimmed',
    'keys/keys/orders',
    'auth/apps/',
    'auth/apps/role/web',
  ]

  it('shows its steps in a dry run, and changes nothing', async () => {
    const before = await to().call('GET', '/v1/sys/mounts')
    const found = await lines('-dry-run')
    expect(imported(found)).to.have.members(everything)
    expect(found.filter(({ action }) => action === 'left').map(({ path }) => path)).to.include.members(['codes/', 'keys/keys/fixed']) // prettier-ignore
    expect((await to().call('GET', '/v1/sys/mounts')).body['data']).to.deep.equal(before.body['data'])
    expect((await to().call('GET', '/v1/sys/policies/acl/app')).status).to.equal(404)
  })

  it('copies policies, mounts, secrets, keys and roles', async () => {
    const { out, err, code } = await shell.run(words)
    expect(code, err + out).to.equal(0)
    expect(err).to.match(/^13 imported, \d+ the same, \d+ left out, 0 failed/m)
    expect(out).to.not.include('first').and.not.include('removed')
    expect(await to().data('GET', 'sys/policies/acl/app')).to.deep.include({ name: 'app' })
    expect(await to().data('GET', 'one/a/b')).to.deep.equal(await from().data('GET', 'one/a/b'))
    expect((await to().data('GET', 'sys/mounts/two'))['description']).to.equal('of the teams')
    expect(await to().data('GET', 'auth/apps/role/web')).to.deep.equal(await from().data('GET', 'auth/apps/role/web'))
    expect(await to().data('GET', 'auth/apps/role/web/role-id')).to.deep.equal({ role_id: 'web-1' })
  })

  it('keeps the numbers of versions, deleted and destroyed ones, and the settings of a secret', async () => {
    for (const version of [1, 4]) {
      const [a, b] = [await from().data('GET', `two/data/team/db?version=${version}`), await to().data('GET', `two/data/team/db?version=${version}`)] // prettier-ignore
      expect(b['data']).to.deep.equal(a['data'])
    }
    for (const version of [2, 3])
      expect((await to().call('GET', `/v1/two/data/team/db?version=${version}`)).status).to.equal(404)
    const metadata = await to().data('GET', 'two/metadata/team/db')
    expect(metadata).to.deep.include({ cas_required: true, custom_metadata: { owner: 'ops' }, current_version: 4 })
    expect((await to().data('GET', 'two/data/trimmed?version=14'))['data']).to.deep.equal({ at: 14 })
    expect((await to().data('GET', 'two/data/trimmed'))['data']).to.deep.equal({ at: 15 })
    expect(await to().data('GET', 'two/metadata/trimmed')).to.deep.include({ current_version: 15, max_versions: 2 })
  })

  it('has the time of deletion that the settings of the mount give, and keeps more versions than they until all are there', async () => {
    const { versions } = (await to().data('GET', 'strict/metadata/a')) as { readonly versions: Record<string, Body> }
    expect(Object.keys(versions)).to.deep.equal(['1', '2'])
    expect(versions['2']?.['deletion_time']).to.not.equal('')
    expect((await to().data('GET', 'strict/data/a?version=1'))['data']).to.deep.equal({ at: 0 })
  })

  it('copies a key with all its versions: the target decrypts ciphertexts of the source', async () => {
    const { ciphertext } = await from().data('POST', 'keys/encrypt/orders', { plaintext: 'Y2FyZA==', key_version: 1 })
    expect(await to().data('POST', 'keys/decrypt/orders', { ciphertext })).to.deep.equal({ plaintext: 'Y2FyZA==' })
    expect((await to().call('GET', '/v1/keys/keys/fixed')).status).to.equal(404)
  })

  it('changes nothing when it is run again', async () => {
    const found = await lines()
    expect(imported(found)).to.deep.equal([])
    await from().data('POST', 'strict/metadata/a', { custom_metadata: { a: 'b' }, metadata_cas: 0 })
    expect(imported(await lines())).to.deep.equal(['strict/a'])
    expect((await to().data('GET', 'strict/metadata/a'))['custom_metadata']).to.deep.equal({ a: 'b' })
  })

  it('goes on where it was interrupted, and overwrites nothing that the target has changed', async () => {
    await from().data('POST', 'two/data/team/new', { data: { at: 1 } })
    await lines()
    for (const at of [2, 3]) await from().data('POST', 'two/data/team/new', { data: { at } })
    await to().data('PUT', 'one/a/b', { password: 'changed' })
    await to().data('PUT', 'sys/policies/acl/app', { policy: 'path "a" { capabilities = ["deny"] }' })
    const found = await lines()
    expect(found.find(({ path }) => path === 'two/team/new')).to.include({
      action: 'import',
      detail: 'versions 2 to 3',
    })
    expect((await to().data('GET', 'two/data/team/new'))['data']).to.deep.equal({ at: 3 })
    expect(imported(found)).to.deep.equal(['two/team/new'])
    for (const path of ['one/a/b', 'app'])
      expect(found.find((line) => line.path === path)?.action, path).to.equal('left')
    expect(await to().data('GET', 'one/a/b')).to.deep.equal({ password: 'changed' })
  })

  it('leaves a secret whose versions differ', async () => {
    await from().data('POST', 'two/data/other', { data: { at: 'source' } })
    await to().data('POST', 'two/data/other', { data: { at: 'target' } })
    expect((await lines()).find(({ path }) => path === 'two/other')).to.include({ action: 'left' })
    await to().data('POST', 'two/data/other', { data: { at: 'target' } })
    expect((await lines()).find(({ path }) => path === 'two/other')?.detail).to.match(/2 versions, the source 1/)
  })

  it('leaves a key of the same name and version that is another key', async () => {
    await to().data('POST', 'keys/keys/ed25519', { type: 'ed25519' })
    await from().data('POST', 'keys/keys/ed25519', { type: 'ed25519', exportable: true, allow_plaintext_backup: true })
    const found = await lines()
    expect(found.find(({ path }) => path === 'keys/keys/ed25519')).to.include({ action: 'left' })
    expect(found.find(({ path }) => path === 'keys/keys/orders')).to.include({ action: 'same' })
  })

  it('reports a folder that it may not list, and imports the others', async () => {
    for (const name of ['closed/a', 'open/a', 'z']) await from().data('PUT', `one/${name}`, { name })
    const token = await from().tokenWith('path "*" { capabilities = ["read", "list"] }\npath "one/closed/*" { capabilities = ["deny"] }') // prettier-ignore
    const file = join(shell.home, 'partial')
    writeFileSync(file, token)
    const { out, err, code } = await shell.run([...words.slice(0, 3), `-from-token-file=${file}`])
    expect(code).to.equal(2)
    expect(out).to.match(/^failed +secret +one\/closed\/: 403 /m)
    expect(out)
      .to.match(/^import +secret +one\/open\/a$/m)
      .and.to.match(/^import +secret +one\/z$/m)
    expect(err).to.match(/ [1-9]\d* failed\n$/)
  })

  it('refuses a namespace that is not there, and wrapped responses, and changes nothing', async () => {
    const before = await to().data('GET', 'one/a/b')
    const missing = await shell.run([...words, '-from-namespace=nowhere'])
    expect([missing.code, missing.err]).to.satisfy(([status, text]: [number, string]) => status === 2 && text.includes('check -from and -from-namespace')) // prettier-ignore
    await from().data('PUT', 'one/a/b', { password: 'of the source' })
    const wrapped = await shell.run([...words, '-wrap-ttl=5m'])
    expect([wrapped.code, wrapped.err]).to.satisfy(([status, text]: [number, string]) => status === 1 && text.includes('leave -wrap-ttl')) // prettier-ignore
    expect(await to().data('GET', 'one/a/b')).to.deep.equal(before)
  })

  it('shows refusals of a server, goes on, and ends with status 2', async () => {
    const token = await from().tokenWith('path "sys/*" { capabilities = ["read", "list"] }')
    const file = join(shell.home, 'weak')
    writeFileSync(file, token)
    const { out, code } = await shell.run([...words.slice(0, 3), `-from-token-file=${file}`])
    expect(code).to.equal(2)
    expect(out).to.match(/^failed +mount +two\/: 403 /m)
  })

  it('takes no response for one of a server that has none of it', async () => {
    for (const body of ['', '{}', '[]', '<html>', '{"data":null}']) {
      const scripted = new ScriptedServer({ 'GET /v1/sys/policies/acl?list=true': [{ body }] })
      const file = join(shell.home, 'any')
      writeFileSync(file, 'x')
      const flags = [`-from=${await scripted.listen()}`, `-from-token-file=${file}`]
      const { code, out } = await shell.run(['import', 'vault', ...flags])
      scripted.close()
      expect([code, out], body).to.deep.equal([2, ''])
    }
  })

  it('trusts the certificates of -from-ca-cert alone', async () => {
    const { err, code } = await shell.run([...words, `-from-ca-cert=${join(shell.home, 'token')}`])
    expect([code, err]).to.satisfy(([status, text]: [number, string]) => status === 2 && text.includes('contains no PEM certificate')) // prettier-ignore
  })

  it('refuses a missing address, an empty token, and a source that does not answer', async () => {
    expect((await shell.run(['import', 'vault'])).err).to.include('-from=ADDRESS is missing')
    shell.stdin = ' \n'
    expect((await shell.run([...words.slice(0, 3), '-from-token-file=-'])).err).to.include(
      'token of the source is empty',
    )
    const { code, err } = await shell.run(['import', 'vault', '-from=http://127.0.0.1:1', ...words.slice(3)])
    expect([code, err]).to.satisfy(([status, text]: [number, string]) => status === 2 && text.includes('no server is listening at http://127.0.0.1:1')) // prettier-ignore
  })
})
