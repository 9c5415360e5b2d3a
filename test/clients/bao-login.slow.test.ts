import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { certificate } from '../support/certificate.ts'
import { temporaryFolder } from '../support/folder.ts'
import { freePort } from '../support/free-port.ts'
import { IdentityProvider, takesBrowsers } from '../support/services/identity-provider.ts'
import { jwtKey } from '../support/jwt.ts'
import { LdapServer } from '../support/services/ldap-server.ts'
import type { Body } from '../support/server.ts'
import { tlsServer } from '../support/processes/tls-server.ts'
import type { TlsServer } from '../support/processes/tls-server.ts'
import { installedBao } from './programs/bao.ts'
import { run } from './programs/run.ts'
import type { Ended } from './programs/run.ts'
import { Ways } from './programs/login-methods.ts'

const tokens = { token_policies: 'app', token_ttl: '1h', token_max_ttl: '2h' }

describe('bao login 2.6.2, unmodified', function () {
  this.timeout(120_000)
  const folder = temporaryFolder()
  let bao = ''
  let server: TlsServer
  let ways: Ways
  before(async function () {
    bao = await installedBao(this)
    server = await tlsServer()
    ways = await Ways.start(server, folder, tokens)
    await done('sys/policies/acl/app', { policy: 'path "secret/data/app" { capabilities = ["read"] }' })
    await done('sys/mounts/secret', { type: 'kv', options: { version: '2' } })
    await done('secret/data/app', { data: { password: 'example' } })
  })
  after(async () => {
    await ways?.stop()
    await server?.running.stop()
  })

  async function done(path: string, data: Body): Promise<Body> {
    const { status, text, body } = await server.call('POST', path, data)
    if (status >= 300) throw new Error(`${path}: ${status} ${text}`)
    return body
  }

  const env = (home: string) => ({ HOME: home, BAO_ADDR: server.running.address, BAO_CACERT: server.ca })
  /** Runs a command in a home folder, where a login leaves its token. */
  const types = async (home: string, ...words: readonly string[]): Promise<Ended> => run(bao, words, { env: env(home) })

  /** Logs in, and reads a secret with the token that the program has kept. */
  async function logsIn(...words: readonly string[]): Promise<string> {
    const home = temporaryFolder()
    const { code, out } = await types(home, 'login', ...words)
    expect(code, out).to.equal(0)
    await reads(home)
    return out
  }
  async function reads(home: string): Promise<void> {
    const { code, out } = await types(home, 'kv', 'get', '-field=password', 'secret/app')
    expect([code, out.trim()]).to.deep.equal([0, 'example'])
  }
  const fromFile = (path: unknown) => readFileSync(String(path), 'utf8')

  it('token: as a word and from standard input', async () => {
    const made = await done('auth/token/create', { policies: ['app'], ttl: '1h' })
    const token = String((made['auth'] as Body)['client_token'])
    expect(await logsIn(token)).to.match(/You are now authenticated/)
    const home = temporaryFolder()
    const child = spawn(bao, ['login', '-'], { env: env(home), stdio: ['pipe', 'ignore', 'ignore'] })
    child.stdin.end(token)
    expect(await new Promise((ended) => child.on('close', ended))).to.equal(0)
    await reads(home)
    const wrong = await types(temporaryFolder(), 'login', `${token}x`)
    expect([wrong.code, /permission denied|403/.test(wrong.out)], wrong.out).to.deep.equal([2, true])
  })

  it('userpass: as it comes, at another path, without printing, and the token alone', async () => {
    await done('sys/auth/staff', { type: 'userpass' })
    await done('auth/staff/users/ann', { password: 'example', ...tokens })
    const words = ['-method=userpass', '-path=staff', 'username=ann', 'password=example'] as const
    expect(await logsIn(...words)).to.match(/token_meta_username +ann/)
    expect(await logsIn('-no-print', ...words)).to.equal('')
    const home = temporaryFolder()
    const { out } = await types(home, 'login', '-token-only', ...words)
    expect(existsSync(join(home, '.vault-token'))).to.equal(false)
    await logsIn(out.trim())
    const wrapped = await types(home, 'login', '-token-only', '-wrap-ttl=1m', ...words)
    const unwrapped = await types(home, 'unwrap', '-field=token', wrapped.out.trim())
    await logsIn(unwrapped.out.trim())
    const wrong = await types(home, 'login', ...words.slice(0, 3), 'password=wrong')
    expect([wrong.code, /invalid username or password/.test(wrong.out)], wrong.out).to.deep.equal([2, true])
  })

  it('ldap', async () => {
    const own = certificate()
    const ldap = await new LdapServer({ ...own, isSecure: true }).start()
    ldap.add('uid=ann,ou=people,dc=example,dc=org', { uid: ['ann'], userPassword: ['example'] })
    await done('sys/auth/ldap', { type: 'ldap' })
    const config = { url: ldap.url, certificate: own.cert, userdn: 'ou=people,dc=example,dc=org', userattr: 'uid' }
    await done('auth/ldap/config', { ...config, ...tokens })
    try {
      expect(await logsIn('-method=ldap', 'username=ann', 'password=example')).to.match(/token_meta_username +ann/)
    } finally {
      await ldap.stop()
    }
  })

  it('approle and jwt, for which the program has no login of its own: by write', async () => {
    const role = await ways.enable('approle')
    const jwt = await ways.enable('jwt')
    for (const words of [
      ['approle', `role_id=@${String(role['role_id_file_path'])}`, `secret_id=@${String(role['secret_id_file_path'])}`],
      ['jwt', 'role=web', `jwt=@${String(jwt['path'])}`],
    ]) {
      const [method = '', ...data] = words
      const { code, out } = await types(temporaryFolder(), 'write', '-field=token', `auth/${method}/login`, ...data)
      expect(code, out).to.equal(0)
      await logsIn(out.trim())
    }
  })

  it('kubernetes', async () => {
    const { token_path: path } = await ways.enable('kubernetes')
    expect(await logsIn('-method=kubernetes', 'role=web', `jwt=${fromFile(path)}`)).to.match(
      /service_account_name +web/,
    )
  })

  it('cert', async () => {
    const { client_cert: cert, client_key: key } = await ways.enable('cert')
    const words = ['-method=cert', `-client-cert=${String(cert)}`, `-client-key=${String(key)}`]
    expect(await logsIn(...words, 'name=web')).to.match(/token_meta_common_name +web/)
    const without = await types(temporaryFolder(), 'login', '-method=cert', 'name=web')
    expect([without.code, /certificate/.test(without.out)], without.out).to.deep.equal([2, true])
  })

  it('oidc: the browser comes back to the program', async () => {
    const provider = await IdentityProvider.start()
    const key = jwtKey()
    provider.publish({ one: key })
    const claims = () => ({ sub: 'anna', iat: Math.floor(Date.now() / 1000) })
    const agrees = takesBrowsers(provider, { id: 'strongroom', secret: 'example' }, { key, claims })
    const port = await freePort('localhost')
    await done('sys/auth/oidc', { type: 'oidc' })
    const client = { oidc_client_id: 'strongroom', oidc_client_secret: 'example' }
    await done('auth/oidc/config', { oidc_discovery_url: provider.url, ...client })
    const uri = `http://localhost:${port}/oidc/callback`
    await done('auth/oidc/role/people', { user_claim: 'sub', allowed_redirect_uris: uri, ...tokens })
    const home = temporaryFolder()
    const words = ['login', '-method=oidc', 'role=people', `port=${port}`, 'skip_browser=true']
    const child = spawn(bao, words, { env: env(home), stdio: ['ignore', 'pipe', 'pipe'] })
    let out = ''
    let page: Promise<string> | undefined
    const hear = (part: Buffer): void => {
      out += part.toString()
      const url = /http\S+\/authorize\S+/.exec(out)?.[0]
      if (url === undefined || page) return
      const { redirectUri, ...query } = agrees(url)
      page = fetch(`${redirectUri}?${new URLSearchParams(query).toString()}`).then(async (reply) => reply.text())
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    try {
      const code = await new Promise((ended) => child.on('close', ended))
      expect(code, out).to.equal(0)
      expect(await page).to.match(/Signed in|success/i)
      await reads(home)
    } finally {
      await provider.stop()
    }
  })
})
