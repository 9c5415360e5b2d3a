import { readFileSync, writeFileSync } from 'node:fs'
import { ProcessServer } from '../../support/processes/process-server.ts'
import { filesOf } from './release.ts'
import type { Question, Release } from './release.ts'

/**
 * Writes what this release leaves on the disk, for releases.test.ts of later ones:
 * `node build/test/scenarios/releases/write-release.js test/scenarios/releases/VERSION.json`
 */
const plaintext = 'YSBtZXNzYWdl'
const ciphers = ['aes128-gcm96', 'aes256-gcm96', 'chacha20-poly1305', 'xchacha20-poly1305', 'rsa-2048']
const signers = ['ed25519', 'ecdsa-p256', 'ecdsa-p384', 'ecdsa-p521', 'rsa-3072', 'ml-dsa-65']
const [target = ''] = process.argv.slice(2)
const server = new ProcessServer()
const questions: Question[] = []

async function data(path: string, body?: unknown, method = body === undefined ? 'GET' : 'POST') {
  return ((await server.done(method, path, body))['data'] ?? {}) as Record<string, unknown>
}

/** Keeps an answer, or some members of it. */
async function keep(path: string, ...members: readonly string[]): Promise<void> {
  const found = await data(path)
  const answer = members.length === 0 ? found : Object.fromEntries(members.map((name) => [name, found[name]]))
  questions.push({ method: 'GET', path, answer })
}

await server.start()
const made = await server.done('PUT', 'sys/init', { secret_shares: 1, secret_threshold: 1 })
const share = (made['keys'] as string[])[0] as string
server.token = String(made['root_token'])
await server.done('PUT', 'sys/unseal', { key: share })

await data('sys/mounts/one', { type: 'kv', options: { version: '1' }, description: 'old secrets' })
await data('one/a/b', { password: 'first', list: [1, null] })
await keep('one/a/b')
await data('sys/mounts/two', { type: 'kv', options: { version: '2' }, config: { max_lease_ttl: '24h' } })
for (const at of [1, 2, 3]) await data('two/data/team/db', { data: { at } })
await data('two/delete/team/db', { versions: [2] })
await data('two/metadata/team/db', { custom_metadata: { owner: 'ops' }, max_versions: 5 })
await keep('two/data/team/db', 'data')
await keep('two/data/team/db?version=1', 'data')
await keep('two/metadata/team/db', 'current_version', 'custom_metadata', 'max_versions', 'created_time')
await keep('sys/mounts/two', 'accessor', 'uuid', 'config', 'options')

await data('sys/mounts/transit', { type: 'transit' })
for (const type of [...ciphers, ...signers]) {
  await data(`transit/keys/${type}`, { type, exportable: true })
  const once = ciphers.includes(type) && (await data(`transit/encrypt/${type}`, { plaintext }))
  if (once) questions.push({ method: 'POST', path: `transit/decrypt/${type}`, body: { ciphertext: once['ciphertext'] }, answer: { plaintext } }) // prettier-ignore
  const signed = signers.includes(type) && (await data(`transit/sign/${type}`, { input: plaintext }))
  if (signed) questions.push({ method: 'POST', path: `transit/verify/${type}`, body: { input: plaintext, signature: signed['signature'] }, answer: { valid: true } }) // prettier-ignore
  const { hmac } = await data(`transit/hmac/${type}`, { input: plaintext })
  questions.push({ method: 'POST', path: `transit/verify/${type}`, body: { input: plaintext, hmac }, answer: { valid: true } }) // prettier-ignore
  await data(`transit/keys/${type}/rotate`, {})
  await keep(`transit/keys/${type}`, 'type', 'latest_version', 'min_decryption_version', 'exportable')
}
await data('transit/keys/derived', { derived: true, convergent_encryption: true })
const convergent = { plaintext, context: plaintext }
questions.push({ method: 'POST', path: 'transit/encrypt/derived', body: convergent, answer: await data('transit/encrypt/derived', convergent) }) // prettier-ignore

await data('sys/mounts/totp', { type: 'totp' })
await data('totp/keys/ours', { url: 'otpauth://totp/Example:ours?secret=JBSWY3DPEHPK3PXP&issuer=Example' })
await keep('totp/keys/ours')
await data('sys/policies/acl/app', { policy: 'path "one/*" { capabilities = ["read"] }' })
await keep('sys/policies/acl/app', 'policy')
await data('sys/policies/password/long', { policy: 'length = 30\nrule "charset" { charset = "abcdef" }' })
await keep('sys/policies/password/long')
await data('sys/namespaces/team', {}, 'POST')
await data('team/sys/mounts/secret', { type: 'kv' })
await data('team/secret/a', { of: 'team' })
await keep('team/secret/a')
await data('sys/quotas/rate-limit/all', { rate: 100_000, path: 'one' })
await keep('sys/quotas/rate-limit/all')
await data('auth/token/roles/web', { allowed_policies: 'app', orphan: true })
await keep('auth/token/roles/web')
await data('cubbyhole/mine', { value: 'x' })
await keep('cubbyhole/mine')

for (const type of ['userpass', 'approle']) await data(`sys/auth/${type}`, { type })
await data('auth/userpass/users/ann', { password: 'correct horse', token_policies: 'app' })
questions.push({ method: 'POST', path: 'auth/userpass/login/ann', body: { password: 'correct horse' }, answer: {} })
await data('auth/approle/role/web', { token_policies: 'app', role_id: 'web' })
const { secret_id } = await data('auth/approle/role/web/secret-id', {})
questions.push({ method: 'POST', path: 'auth/approle/login', body: { role_id: 'web', secret_id }, answer: {} })
await keep('auth/approle/role/web')
const { id } = await data('identity/entity', { name: 'ann', metadata: { team: 'red' }, policies: ['app'] })
const { accessor } = await data('sys/auth/userpass')
await data('identity/entity-alias', { name: 'ann', canonical_id: id, mount_accessor: accessor })
await data('identity/group', { name: 'reds', member_entity_ids: [id], policies: ['app'] })
await keep('identity/entity/name/ann', 'id', 'metadata', 'policies')
await keep('identity/group/name/reds', 'id', 'member_entity_ids')
await data('identity/oidc/key/signing', { allowed_client_ids: '*' })
await keep('identity/oidc/key/signing')
const second = await data('identity/mfa/method/totp', { issuer: 'Example', method_name: 'second' })
await keep(`identity/mfa/method/totp/${String(second['method_id'])}`)
// The second term of the keyring encrypts from now on; the first one still decrypts.
await server.done('PUT', 'sys/rotate', {})
await data('one/later', { term: 2 })
await keep('one/later')

await server.kill('SIGTERM')
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { readonly version: string }
const release: Release = { version, share, token: server.token, files: filesOf(server.folder), questions }
writeFileSync(target, `${JSON.stringify(release)}\n`)
