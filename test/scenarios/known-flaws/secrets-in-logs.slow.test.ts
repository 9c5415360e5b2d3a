import { chmodSync, existsSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { startServer } from '../../../src/server/start.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { jwt, jwtKey } from '../../support/jwt.ts'
import { TestServer, initialised, openLevelServer, unseal } from '../../support/server.ts'
import type { Body } from '../../support/server.ts'

/** Every file below a folder. */
const filesOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)).filter((path) => statSync(path).isFile()) // prettier-ignore

/** A server whose log is kept, at its most talkative, with everything below one folder. */
async function talkative(more = ''): Promise<{ readonly server: TestServer; readonly log: string[] }> {
  const folder = temporaryFolder()
  const config = join(folder, 'strongroom.hcl')
  writeFileSync(
    config,
    `storage "level" { path = "${folder}/data" }
listener "tcp" { address = "127.0.0.1:0" tls_disable = true }
audit "file" "file" { options { file_path = "${folder}/audit.log" } }
log_level = "trace"
${more}
`,
  )
  const log: string[] = []
  const running = await startServer({ config: [config], logLevel: 'trace', log: (line) => void log.push(line) })
  const server = new TestServer(running, folder, config)
  await initialised(server)
  await unseal(server)
  return { server, log }
}

describe('known flaws: secrets in logs, files and errors', function () {
  this.timeout(60_000)

  it('CVE-2025-4166, CVE-2024-8365: passwords, secret ids, JWTs, codes and their keys, sent or made here, are found nowhere', async () => {
    const { server, log } = await talkative()
    const secrets: string[] = [server.token, ...server.shares]
    const answers: string[] = []
    let made = 0
    const secret = (): string => {
      const one = `canary${String(made++).padStart(3, '0')}x${'Zz9'.repeat(8)}`
      secrets.push(one)
      return one
    }
    const send = async (method: string, path: string, data?: unknown, headers: Record<string, string> = { 'X-Vault-Token': server.token }) => {
      const reply = await server.call(method, `/v1/${path}`, data, headers)
      expect(reply.status, `${method} ${path} ${reply.text}`).to.be.lessThan(500)
      if (reply.status >= 400) answers.push(reply.text)
      return reply
    }
    const key = jwtKey()
    for (const type of ['userpass', 'approle', 'jwt', 'oidc', 'kubernetes', 'cert', 'ldap']) await server.data('POST', `sys/auth/${type}`, { type })
    await server.data('POST', 'sys/mounts/totp', { type: 'totp' })
    const password = secret()
    await server.data('POST', 'auth/userpass/users/u', { password })
    await server.data('POST', 'auth/approle/role/r', {})
    await server.data('POST', 'auth/jwt/config', { jwt_validation_pubkeys: key.pem })
    await server.data('POST', 'auth/jwt/role/r', { role_type: 'jwt', user_claim: 'sub', bound_audiences: 'app' })
    const seed = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'
    secrets.push(seed)
    await server.data('POST', 'totp/keys/given', { key: seed, issuer: 'i', account_name: 'a' })

    // What the server makes itself.
    const taken = (value: unknown): string => {
      if (typeof value === 'string' && value.length > 12) secrets.push(value)
      return String(value)
    }
    const generated = await server.data('POST', 'totp/keys/own', { generate: true, issuer: 'i', account_name: 'a' })
    taken(new URL(String(generated['url'])).searchParams.get('secret'))
    taken(String(generated['barcode']).slice(0, 200))
    const { secret_id: id, secret_id_accessor: accessor } = await server.data('POST', 'auth/approle/role/r/secret-id', {})
    taken(id)
    taken(accessor)
    const method = await server.data('POST', 'identity/mfa/method/totp', { issuer: 'i', method_name: 'm' })
    const { id: entity } = await server.data('POST', 'identity/entity', { name: 'canary' })
    const factor = { method_id: method['method_id'], entity_id: entity }
    const second = await server.data('POST', 'identity/mfa/method/totp/admin-generate', factor)
    taken(new URL(String(second['url'])).searchParams.get('secret'))
    await server.data('POST', 'identity/oidc/client/c', { redirect_uris: ['https://a/b'] })
    taken((await server.data('GET', 'identity/oidc/client/c'))['client_secret'])
    const custom = secret()
    await server.data('POST', 'auth/approle/role/r/custom-secret-id', { secret_id: custom })
    const { role_id: role } = await server.data('GET', 'auth/approle/role/r/role-id')
    const now = Math.floor(Date.now() / 1000)
    const token = jwt({ sub: 'anna', aud: 'app', iat: now, exp: now + 300 }, key)
    secrets.push(...token.split('.').slice(1))
    const tokenOf = (body: Body): void => {
      const auth = body['auth'] as { readonly client_token: string; readonly accessor: string }
      secrets.push(auth.client_token, auth.accessor)
    }
    tokenOf((await send('POST', 'auth/userpass/login/u', { password }, {})).body)
    for (const secret_id of [id, custom]) tokenOf((await send('POST', 'auth/approle/login', { role_id: role, secret_id }, {})).body)
    tokenOf((await send('POST', 'auth/jwt/login', { role: 'r', jwt: token }, {})).body)
    const wrapped = await send('POST', 'auth/approle/role/r/secret-id', {}, { 'X-Vault-Token': server.token, 'X-Vault-Wrap-TTL': '60s' })
    secrets.push((wrapped.body['wrap_info'] as { readonly token: string }).token)
    const parameter = Buffer.from(JSON.stringify({ key: 'password', value: password })).toString('base64url')
    await send('GET', 'sys/mounts', undefined, { 'X-Vault-Inline-Auth-Path': 'auth/userpass/login/u', 'X-Vault-Inline-Auth-Parameter-p': parameter })

    // What is wrong, of the wrong type, broken, in a form, in the query, in a header, of a name that is none.
    for (const [path, field] of [
      ['auth/userpass/login/u', 'password'], ['auth/userpass/login/none', 'password'], ['auth/userpass/users/u', 'password'], ['auth/userpass/users/u', 'password_hash'],
      ['auth/userpass/users/u/password', 'password'], ['auth/userpass/users/u/password', 'password_hash'], ['auth/approle/login', 'secret_id'], ['auth/approle/login', 'role_id'],
      ['auth/approle/role/r/secret-id', 'secret_id'], ['auth/approle/role/r/custom-secret-id', 'secret_id'], ['auth/approle/role/r/secret-id/lookup', 'secret_id'], ['auth/approle/role/r/secret-id/destroy', 'secret_id'],
      ['auth/approle/role/r/secret-id-accessor/lookup', 'secret_id_accessor'], ['auth/jwt/login', 'jwt'], ['auth/jwt/login', 'token'], ['auth/jwt/config', 'oidc_client_secret'], ['auth/jwt/config', 'jwt_validation_pubkeys'],
      ['auth/oidc/config', 'oidc_client_secret'], ['auth/oidc/oidc/callback', 'code'], ['auth/oidc/oidc/callback', 'state'], ['auth/oidc/oidc/callback', 'id_token'], ['auth/oidc/oidc/callback', 'client_nonce'], ['auth/oidc/oidc/auth_url', 'client_nonce'],
      ['totp/keys/k', 'key'], ['totp/keys/k', 'url'], ['totp/code/given', 'code'], ['auth/token/create', 'id'], ['auth/token/lookup', 'token'], ['auth/token/renew', 'token'], ['auth/token/revoke', 'token'],
      ['sys/wrapping/unwrap', 'token'], ['sys/wrapping/rewrap', 'token'], ['sys/wrapping/lookup', 'token'], ['sys/wrapping/wrap', 'any'], ['sys/unseal', 'key'], ['sys/generate-root-token/update', 'key'],
      ['auth/ldap/config', 'bindpass'], ['auth/ldap/config', 'client_tls_key'], ['auth/ldap/login/anna', 'password'], ['auth/kubernetes/config', 'token_reviewer_jwt'], ['auth/kubernetes/login', 'jwt'], ['auth/cert/login', 'token'],
      ['sys/mfa/validate', 'mfa_payload'], ['identity/oidc/introspect', 'token'], ['identity/oidc/provider/default/token', 'code'], ['identity/oidc/provider/default/token', 'client_secret'], ['identity/oidc/provider/default/token', 'code_verifier'],
      ['identity/oidc/provider/default/userinfo', 'access_token'], ['sys/rotate/root/update', 'key'], ['sys/init', 'root_token_pgp_key'],
    ] as const) {
        const headers: Record<string, string> = /login|oidc\/|wrapping/.test(path) ? {} : { 'X-Vault-Token': server.token }
        for (const value of [secret(), [secret()], { a: secret() }, [[secret()]], ` ${secret()}`, `${secret()}\u0000`, `otpauth://totp/i:a?secret=${secret()}`, `$2a$05$${secret()}`])
          await send('POST', path, { [field]: value, role: 'r', role_id: role, ...(field !== 'secret_id' && { secret_id: secret() }) }, headers)
        await send('POST', path, `{"${field}": "${secret()}`, headers)
        await send('POST', path, `{"${field}": ${secret()}}`, headers)
        await send('POST', path, `{"${secret()}": 1, "${field}": "${secret()}", "${field}": "${secret()}"}`, headers)
        await send('POST', path, `${field}=${secret()}`, { ...headers, 'Content-Type': 'application/x-www-form-urlencoded' })
        await send('GET', `${path}?${field}=${secret()}`, undefined, headers)
        await send('PATCH', path, { [field]: secret() }, { ...headers, 'Content-Type': 'application/merge-patch+json' })
        await send('POST', path, {}, { ...headers, 'X-Vault-Token': secret(), 'X-Other': secret(), Cookie: secret() })
        await send('POST', path, {}, { Authorization: `Bearer ${secret()}` })
        await send('POST', path, {}, { Authorization: `Basic ${secret()}` })
      }
    await server.running.stop()

    const found = (where: string, text: string): void => {
      for (const one of secrets)
        for (const form of [one, Buffer.from(one).toString('base64').replace(/=+$/, ''), Buffer.from(one).toString('hex'), encodeURIComponent(one)])
          if (form.length > 7 && text.includes(form)) expect.fail(`${where} has ${one}: ${text.slice(Math.max(0, text.indexOf(form) - 200), text.indexOf(form) + 100)}`)
    }
    found('an answer', answers.join('\n'))
    found('the log', log.join('\n'))
    for (const file of filesOf(server.folder)) found(file, readFileSync(file, 'latin1'))
    expect(secrets.length).to.be.greaterThan(700)
  }) // prettier-ignore

  it('CVE-2024-2877: of the headers of a request the log has those that are listed, hashed where that was said, and never a credential', async () => {
    const server = await openLevelServer()
    const list = async (name: string, hmac: boolean) => server.call('POST', `/v1/sys/config/auditing/request-headers/${name}`, { hmac })
    expect((await list('X-Clear', false)).status).to.equal(204)
    expect((await list('X-Hidden', true)).status).to.equal(204)
    for (const name of ['X-Vault-Token', 'Authorization', 'authorization', 'X-Vault-Inline-Auth-Parameter-p', 'Cookie', 'Proxy-Authorization']) await list(name, false)
    const other = await server.tokenWith('path "sys/mounts" { capabilities = ["read"] }')
    const headers = {
      'X-Clear': 'seen-4711', 'X-Hidden': 'hidden-4711', 'X-Other': 'other-4711', Cookie: 'cookie-4711', 'Proxy-Authorization': 'proxy-4711', 'X-Forwarded-For': '10.9.8.7',
      'X-Vault-Inline-Auth-Parameter-p': 'inline-4711', 'User-Agent': 'agent-4711',
    }
    await server.call('GET', '/v1/sys/mounts', undefined, { ...headers, 'X-Vault-Token': other })
    await server.call('GET', '/v1/sys/mounts', undefined, { ...headers, Authorization: `Bearer ${other}` })
    await server.call('GET', '/v1/sys/mounts', undefined, { ...headers, Authorization: 'Basic basic-4711' })
    await server.running.stop()
    const text = readFileSync(join(server.folder, 'audit.log'), 'utf8')
    expect(text).to.include('"x-clear":["seen-4711"]').and.match(/"x-hidden":\["hmac-sha256:[0-9a-f]{64}"\]/)
    for (const never of [other, 'hidden-4711', 'other-4711', 'inline-4711', 'agent-4711', 'basic-4711', '10.9.8.7']) expect(text, never).to.not.include(never)
  }) // prettier-ignore

  it('CVE-2025-6000, CVE-2026-5051: over HTTP no audit device is made of a program, a link, a prefix, a mode for others or a path of the storage', async () => {
    const server = await openLevelServer()
    const folder = temporaryFolder()
    symlinkSync('/etc/hostname', join(folder, 'link.log'))
    symlinkSync(temporaryFolder(), join(folder, 'way'))
    writeFileSync(join(folder, 'program'), '#!/bin/sh\n')
    chmodSync(join(folder, 'program'), 0o755)
    let at = 0
    for (const name of ['file_path', 'path'])
      for (const options of [
        { mode: '0755' }, { mode: '0777' }, { mode: '0666' }, { mode: '0604' }, { mode: '4600' }, { mode: '1e3' }, { mode: '-1' }, { prefix: '#!/bin/sh' }, { PREFIX: '#!' }, { prefix: '' },
        { [name]: `${folder}/link.log` }, { [name]: `${folder}/../x` }, { [name]: 'relative.log' }, { [name]: '' }, { [name]: ' ' }, { [name]: folder }, { [name]: '/proc/self/mem' },
        { [name]: `${server.folder}/data/x.log` }, { [name]: `${server.folder}/strongroom.hcl` }, { [name]: `${folder}/a\u0000b` }, { file_path: `${folder}/one`, path: `${folder}/two` },
      ]) {
        const device = `d${at++}`
        const path = join(folder, `${device}.log`)
        const { status, text } = await server.call('PUT', `/v1/sys/audit/${device}`, { type: 'file', options: { [name]: path, ...options } })
        if (status === 204 && 'mode' in options) {
          // Bits for programs are dropped; what is left is for the owner alone.
          expect(statSync(path).mode & 0o7133, JSON.stringify(options)).to.equal(0)
          continue
        }
        expect(status, `${name} ${JSON.stringify(options)} ${text}`).to.equal(400)
        expect(existsSync(path), path).to.equal(false)
      }
    // An executable file that is there stays one that nobody writes a script into.
    const taken = await server.call('PUT', '/v1/sys/audit/program', { type: 'file', options: { file_path: join(folder, 'program') } })
    if (taken.status === 204) expect(statSync(join(folder, 'program')).mode & 0o111).to.equal(0)
    else expect(taken.status).to.equal(400)
    for (const [name, { type }] of Object.entries((await server.data('GET', 'sys/audit')) as Record<string, { readonly type: string }>)) expect([name, type]).to.deep.equal([name, 'file'])
    await server.running.stop()
    const usual = await talkative()
    const refused = await usual.server.call('PUT', '/v1/sys/audit/x', { type: 'file', options: { file_path: join(folder, 'usual.log') } })
    expect(refused.status, 'unless the configuration allows it').to.equal(400)
    expect(existsSync(join(folder, 'usual.log'))).to.equal(false)
    await usual.server.running.stop()
  }) // prettier-ignore

  it('CVE-2020-13223: neither the environment nor secrets of the configuration are in the log, in a response or on disk', async () => {
    const password = 'pw4711abcdef'
    const names = ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY', 'VAULT_TOKEN', 'BAO_TOKEN', 'AWS_SECRET_ACCESS_KEY', 'SIEM_TOKEN']
    const old = names.map((name) => process.env[name])
    for (const name of names) process.env[name] = `http://user:${password}@proxy:3128`
    try {
      const { server, log } = await talkative(`
cluster_name = "a"
api_addr = "https://vault.example"
audit "http" "siem" { options { uri = "http://127.0.0.1:1/" headers = "{\\"Authorization\\":[\\"Bearer ${password}\\"],\\"X\\":[\\"env://SIEM_TOKEN\\"]}" } }`)
      const told: string[] = []
      for (const path of ['sys/config/state/sanitized', 'sys/audit', 'sys/health', 'sys/seal-status', 'sys/leader', 'sys/host-info', 'sys/metrics', 'sys/metrics?format=prometheus', 'sys/internal/specs/openapi', 'sys/version-history', 'sys/loggers', 'sys/mounts', 'sys/auth', 'sys/in-flight-req', 'sys/monitor?log_level=trace', 'sys/pprof/cmdline'])
        told.push((await server.call('GET', `/v1/${path}`)).text)
      await server.running.stop()
      expect(told.join('')).to.include('siem')
      expect(told.join('\n') + log.join('\n')).to.not.include(password)
      for (const file of filesOf(server.folder).filter((one) => one !== server.config)) expect(readFileSync(file, 'latin1').includes(password), file).to.equal(false)
    } finally {
      for (const [at, name] of names.entries())
        if (old[at] === undefined) delete process.env[name]
        else process.env[name] = old[at]
    }
  }) // prettier-ignore

  it('CVE-2021-38553: every file and folder that a server makes is for its owner alone, whatever the umask', async () => {
    const before = process.umask(0)
    try {
      const server = await openLevelServer()
      await server.data('POST', 'sys/mounts/kv', { type: 'kv' })
      await server.data('POST', 'kv/x', { a: 1 })
      const made = temporaryFolder()
      await server.data('PUT', 'sys/audit/second', { type: 'file', options: { file_path: join(made, 'second.log') } })
      await server.data('POST', 'sys/rotate', {})
      await server.running.stop()
      const paths = [server.folder, made].flatMap((folder) =>
        readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
      )
      expect(paths.length).to.be.greaterThan(6)
      for (const path of paths.filter((one) => one !== server.config)) expect(statSync(path).mode & 0o077, path).to.equal(0)
    } finally {
      process.umask(before)
    }
  }) // prettier-ignore
})
