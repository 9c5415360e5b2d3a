import { join } from 'node:path'
import { expect } from 'chai'
import { temporaryFolder } from '../../support/folder.ts'
import { jwt, jwtKey } from '../../support/jwt.ts'
import { MemberProcess } from '../../support/processes/member.ts'
import { initialised, levelServer, unseal } from '../../support/server.ts'
import type { Body, Reply, TestServer } from '../../support/server.ts'

const allows = (path: string) => `path "${path}" { capabilities = ["create", "update", "read", "list", "delete"] }`

/** A request with another token, or in a namespace. */
const as = (token: string, namespace?: string) => ({
  'X-Vault-Token': token,
  ...(namespace !== undefined && { 'X-Vault-Namespace': namespace }),
})

const authOf = ({ body }: Reply): Body => (body['auth'] ?? {}) as Body

describe('two processes on one storage', function () {
  this.timeout(120_000)
  const socket = join(temporaryFolder(), 'socket')
  let owner: TestServer
  let member: MemberProcess

  const join2 = async (name: string, audited = true): Promise<MemberProcess> => {
    const process = await MemberProcess.start(socket, name, audited)
    process.shares = owner.shares
    process.token = owner.token
    return process
  }

  before(async () => {
    owner = await levelServer(temporaryFolder(), '', { share: socket })
    await initialised(owner)
    await unseal(owner)
    member = await join2('worker-1')
    await unseal(member)
    for (const [path, type] of [['secret', 'kv'], ['transit', 'transit']]) await owner.data('POST', `sys/mounts/${path}`, { type }) // prettier-ignore
  })
  after(async () => {
    await member.end()
    await owner.running.stop()
  })

  const directions: readonly (readonly [string, () => TestServer, () => TestServer])[] = [
    ['the owner changes, a member honours', () => owner, () => member],
    ['a member changes, the owner honours', () => member, () => owner],
  ]
  for (const [at, [title, from, to]] of directions.entries())
    describe(`${title}, before the response:`, () => {
      const status = async (method: string, path: string, data?: unknown, token = owner.token, namespace?: string) =>
        (await to().call(method, `/v1/${path}`, data, as(token, namespace))).status
      const created = async (more: Body = {}): Promise<Body> =>
        authOf(await from().call('POST', '/v1/auth/token/create', { policies: ['default'], ...more }))

      it('a revoked token, one below it, and all below a prefix', async () => {
        const parent = await created({ policies: ['root'] })
        const below = authOf(await from().call('POST', '/v1/auth/token/create', {}, as(String(parent['client_token']))))
        const lookup = async ({ client_token: token }: Body) =>
          status('GET', 'auth/token/lookup-self', undefined, String(token))
        for (const token of [parent, below, parent, below]) expect(await lookup(token)).to.equal(200)
        await from().data('POST', 'auth/token/revoke', { token: parent['client_token'] })
        expect([await lookup(parent), await lookup(below)]).to.deep.equal([403, 403])
        const role = await from().call('POST', `/v1/auth/token/roles/r${at}`, { allowed_policies: ['default'] })
        expect(role.status).to.equal(204)
        const leased = authOf(await from().call('POST', `/v1/auth/token/create/r${at}`, {}))
        expect(await lookup(leased)).to.equal(200)
        await from().data('PUT', `sys/leases/revoke-prefix/auth/token/create/r${at}`)
        expect(await lookup(leased)).to.equal(403)
      })

      it('an entity that was disabled, enabled, given policies by a group, and removed', async () => {
        const role = { allowed_policies: ['default'], allowed_entity_aliases: ['*'] }
        await from().data('POST', `auth/token/roles/entities${at}`, role)
        const made = await from().call('POST', `/v1/auth/token/create/entities${at}`, { entity_alias: `e${at}` })
        const { client_token: token, entity_id: id } = authOf(made)
        const self = async () => to().call('GET', '/v1/auth/token/lookup-self', undefined, as(String(token)))
        expect([(await self()).status, (await self()).status]).to.deep.equal([200, 200])
        await from().data('POST', `identity/entity/id/${String(id)}`, { disabled: true })
        expect((await self()).status).to.equal(403)
        await from().data('POST', `identity/entity/id/${String(id)}`, { disabled: false })
        expect((await self()).status).to.equal(200)
        await from().data('POST', 'identity/group', { name: `g${at}`, policies: 'extra', member_entity_ids: [id] })
        expect(((await self()).body['data'] as Body)['identity_policies']).to.deep.equal(['extra'])
        await from().data('POST', 'identity/group', { name: `g${at}`, policies: [] })
        expect(((await self()).body['data'] as Body)['identity_policies']).to.equal(undefined)
        await from().data('DELETE', `identity/entity/id/${String(id)}`)
        expect((await self()).status).to.equal(403)
      })

      it('a role, a configuration and an entity that a JWT of another issuer rests on', async () => {
        const key = jwtKey()
        const now = Math.floor(Date.now() / 1000)
        const shown = jwt({ iss: 'https://issuer', aud: 'us', sub: 'agent', iat: now, exp: now + 600 }, key)
        const mount = `auth/bearer${at}`
        const config = { jwt_validation_pubkeys: key.pem, bound_issuer: 'https://issuer', default_role: 'agent' }
        const role = { role_type: 'bearer', user_claim: 'sub', bound_audiences: 'us' }
        const self = async () => status('GET', 'auth/token/lookup-self', undefined, shown)
        await from().data('POST', `sys/${mount}`, { type: 'jwt' })
        await from().data('POST', `${mount}/config`, config)
        await from().data('POST', `${mount}/role/agent`, role)
        expect([await self(), await self()]).to.deep.equal([200, 200])
        await from().data('DELETE', `${mount}/role/agent`)
        expect(await self()).to.equal(403)
        await from().data('POST', `${mount}/role/agent`, role)
        expect(await self()).to.equal(200)
        await from().data('POST', `${mount}/config`, { ...config, bound_issuer: 'https://other' })
        expect(await self()).to.equal(403)
        await from().data('POST', `${mount}/config`, config)
        const found = await to().call('GET', '/v1/auth/token/lookup-self', undefined, as(shown))
        const { entity_id: entity } = found.body['data'] as Body
        await from().data('POST', `identity/entity/id/${String(entity)}`, { disabled: true })
        expect(await self()).to.equal(403)
        await from().data('POST', `identity/entity/id/${String(entity)}`, { disabled: false })
        expect(await self()).to.equal(200)
        await from().data('DELETE', `sys/${mount}`)
        expect(await self()).to.equal(403)
      })

      it('a policy that was written and removed', async () => {
        const name = `p${at}`
        await from().data('PUT', `sys/policies/acl/${name}`, { policy: allows('secret/a') })
        const token = String((await created({ policies: [name] }))['client_token'])
        const read = async () => status('GET', 'secret/a', undefined, token)
        await from().data('PUT', 'secret/a', { v: '1' })
        expect([await read(), await read()]).to.deep.equal([200, 200])
        await from().data('PUT', `sys/policies/acl/${name}`, { policy: allows('secret/b') })
        expect(await read()).to.equal(403)
        await from().data('PUT', `sys/policies/acl/${name}`, { policy: allows('secret/a') })
        expect(await read()).to.equal(200)
        await from().data('DELETE', `sys/policies/acl/${name}`)
        expect(await read()).to.equal(403)
      })

      it('a password policy', async () => {
        const policy = (length: number) => `length = ${length}\nrule "charset" { charset = "abcdef" }`
        const length = async () => String((await to().data('GET', `sys/policies/password/w${at}/generate`))['password']).length // prettier-ignore
        for (const wanted of [20, 30]) {
          await from().data('PUT', `sys/policies/password/w${at}`, { policy: policy(wanted) })
          expect(await length()).to.equal(wanted)
        }
      })

      it('a mount that was made, tuned, moved and removed', async () => {
        const path = `kv${at}`
        await from().data('POST', `sys/mounts/${path}`, { type: 'kv' })
        expect(await status('PUT', `${path}/x`, { v: '1' })).to.equal(204)
        await from().data('POST', `sys/mounts/${path}/tune`, { description: 'tuned' })
        expect((await to().data('GET', `sys/mounts/${path}/tune`))['description']).to.equal('tuned')
        await from().data('POST', 'sys/remount', { from: path, to: `${path}-moved` })
        expect([await status('GET', `${path}/x`), await status('GET', `${path}-moved/x`)]).to.deep.equal([404, 200])
        await from().data('DELETE', `sys/mounts/${path}-moved`)
        expect(await status('PUT', `${path}-moved/x`, { v: '1' })).to.equal(404)
      })

      it('a user whose password changed, and all tokens of a login method that was disabled', async () => {
        const path = `people${at}`
        await from().data('POST', `sys/auth/${path}`, { type: 'userpass' })
        const write = async (password: string) => from().data('POST', `auth/${path}/users/ada`, { password })
        const login = async (password: string) => to().call('POST', `/v1/auth/${path}/login/ada`, { password })
        await write('first password')
        const token = String(authOf(await login('first password'))['client_token'])
        const lookup = async () => status('GET', 'auth/token/lookup-self', undefined, token)
        expect([await lookup(), await lookup()]).to.deep.equal([200, 200])
        await write('second password')
        expect([(await login('first password')).status, (await login('second password')).status]).to.deep.equal([
          400, 200,
        ])
        await from().data('DELETE', `sys/auth/${path}`)
        expect([await lookup(), (await login('second password')).status]).to.deep.equal([403, 404])
      })

      it('an entity that was changed, disabled and removed, and a group with its members', async () => {
        const [path, name] = [`persons${at}`, `e${at}`]
        await from().data('PUT', 'secret/a', { v: '1' })
        await from().data('POST', `sys/auth/${path}`, { type: 'userpass' })
        await from().data('POST', `auth/${path}/users/eve`, { password: 'first password' })
        await from().data('PUT', `sys/policies/acl/${name}`, {
          policy: allows('secret/{{identity.entity.metadata.k}}'),
        })
        const login = authOf(await to().call('POST', `/v1/auth/${path}/login/eve`, { password: 'first password' }))
        const [token, id] = [String(login['client_token']), String(login['entity_id'])]
        const read = async () => status('GET', 'secret/a', undefined, token)
        const lookup = async () => status('GET', 'auth/token/lookup-self', undefined, token)
        const change = async (data: Body) => from().data('POST', `identity/entity/id/${id}`, data)
        expect([await read(), await lookup()]).to.deep.equal([403, 200])
        await change({ policies: [name], metadata: { k: 'a' } })
        expect(await read()).to.equal(200)
        await change({ metadata: { k: 'b' } })
        expect(await read()).to.equal(403)
        await change({ policies: [], metadata: { k: 'a' } })
        expect(await read()).to.equal(403)
        const { id: group } = await from().data('POST', 'identity/group', {
          name,
          policies: [name],
          member_entity_ids: [id],
        })
        expect(await read()).to.equal(200)
        await from().data('POST', 'identity/group', { id: group, member_entity_ids: [] })
        expect(await read()).to.equal(403)
        await change({ disabled: true })
        expect(await lookup()).to.equal(403)
        await change({ disabled: false })
        expect(await lookup()).to.equal(200)
        await from().data('DELETE', `identity/entity/id/${id}`)
        expect(await lookup()).to.equal(403)
      })

      it('a namespace that was made, locked, unlocked and removed', async () => {
        const name = `team${at}`
        await from().data('PUT', `sys/namespaces/${name}`, {})
        const mounts = async () => status('GET', 'sys/mounts', undefined, owner.token, name)
        expect(await mounts()).to.equal(200)
        const { unlock_key: key } = await from().data('PUT', `sys/namespaces/api-lock/lock/${name}`)
        expect(await mounts()).to.equal(503)
        await from().data('PUT', `sys/namespaces/api-lock/unlock/${name}`, { unlock_key: key })
        expect(await mounts()).to.equal(200)
        await from().data('DELETE', `sys/namespaces/${name}`)
        expect(await mounts()).to.equal(404)
      })

      it('a quota', async () => {
        await from().data('POST', `sys/quotas/rate-limit/q${at}`, { path: 'secret/', rate: 1, interval: '1h' })
        const read = async () => status('GET', 'secret/a')
        expect([await read(), await read()]).to.deep.equal([200, 429])
        await from().data('DELETE', `sys/quotas/rate-limit/q${at}`)
        expect(await read()).to.equal(200)
      })

      it('a new term of the keyring, in both directions', async () => {
        const { term: before } = await to().data('GET', 'sys/key-status')
        await from().data('PUT', 'sys/rotate')
        expect((await to().data('GET', 'sys/key-status'))['term']).to.equal(Number(before) + 1)
        for (const [writer, reader] of [
          [from(), to()],
          [to(), from()],
        ] as const) {
          // prettier-ignore
          await writer.data('PUT', 'secret/term', { v: writer.running.address })
          expect(await reader.data('GET', 'secret/term')).to.deep.equal({ v: writer.running.address })
        }
        const counts = [await from().data('GET', 'sys/key-status'), await to().data('GET', 'sys/key-status')]
        for (const { encryptions } of counts) expect(encryptions).to.be.greaterThan(0)
      })

      it('a key of transit that was rotated and limited', async () => {
        const key = `k${at}`
        await from().data('POST', `transit/keys/${key}`)
        const encrypt = async () => String((await to().data('POST', `transit/encrypt/${key}`, { plaintext: 'eA==' }))['ciphertext']) // prettier-ignore
        const old = await encrypt()
        expect(old).to.match(/^vault:v1:/)
        const decrypt = async () => status('POST', `transit/decrypt/${key}`, { ciphertext: old })
        expect(await decrypt()).to.equal(200)
        await from().data('POST', `transit/keys/${key}/rotate`)
        expect(await encrypt()).to.match(/^vault:v2:/)
        await from().data('POST', `transit/keys/${key}/config`, { min_decryption_version: 2 })
        expect(await decrypt()).to.equal(400)
      })

      it('settings of CORS and headers of the UI', async () => {
        const origin = `https://app${at}.example`
        await from().data('PUT', 'sys/config/cors', { allowed_origins: origin })
        const allowed = async () => (await to().call('GET', '/v1/sys/health', undefined, { Origin: origin })).headers['access-control-allow-origin'] // prettier-ignore
        expect(await allowed()).to.equal(origin)
        await from().data('DELETE', 'sys/config/cors')
        expect(await allowed()).to.equal(undefined)
        await from().data('PUT', `sys/config/ui/headers/X-Test-${at}`, { values: ['one'] })
        expect((await to().data('LIST', 'sys/config/ui/headers'))['keys']).to.include(`X-Test-${at}`)
      })
    })

  describe('together', () => {
    it('accept a one-time password once', async () => {
      await owner.data('POST', 'sys/mounts/totp', { type: 'totp' })
      await owner.data('POST', 'totp/keys/shared', { key: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ', period: '1h' })
      const { code } = await member.data('GET', 'totp/code/shared')
      const servers = [owner, member]
      const heard = await Promise.all(
        Array.from({ length: 20 }, async (_, at) => (servers[at % 2] as TestServer).call('POST', '/v1/totp/code/shared', { code })), // prettier-ignore
      )
      expect(heard.filter(({ status }) => status === 200).map(({ body }) => body['data'])).to.deep.equal([{ valid: true }]) // prettier-ignore
      expect(new Set(heard.map(({ status }) => status))).to.deep.equal(new Set([200, 400]))
    })

    it('count failed logins each for itself: a user is locked out of each after the threshold', async () => {
      await owner.data('POST', 'sys/auth/people', { type: 'userpass' })
      await owner.data('POST', 'auth/people/users/ann', { password: 'pw' })
      const login = async (server: TestServer, password: string) =>
        (await server.call('POST', '/v1/auth/people/login/ann', { password }, {})).status
      for (let at = 0; at < 5; at++) expect(await login(owner, 'wrong')).to.equal(400)
      expect([await login(owner, 'pw'), await login(member, 'pw')]).to.deep.equal([400, 200])
      for (let at = 0; at < 5; at++) expect(await login(member, 'wrong')).to.equal(400)
      expect(await login(member, 'pw')).to.equal(400)
    })

    it('lets both write at once: exact uses, no lost write, and an intact storage at the next start', async () => {
      const servers = [owner, member]
      const limited = authOf(await owner.call('POST', '/v1/auth/token/create', { policies: ['default'], num_uses: 10 }))
      const used = await Promise.all(
        Array.from(
          { length: 30 },
          async (_, at) =>
        (servers[at % 2] as TestServer).call('GET', '/v1/auth/token/lookup-self', undefined, as(String(limited['client_token']))), // prettier-ignore
        ),
      )
      expect(used.filter(({ status }) => status === 200)).to.have.length(10)
      const written = await Promise.all(
        Array.from({ length: 100 }, async (_, at) =>
          Promise.all([
            (servers[at % 2] as TestServer).call('PUT', `/v1/secret/n/${at}`, { at: String(at) }),
            (servers[at % 2] as TestServer).call('POST', '/v1/auth/token/create', { policies: ['default'] }),
          ]),
        ),
      )
      expect(written.flat().filter(({ status }) => status >= 300)).to.deep.equal([])
      for (const server of servers) expect((await server.data('LIST', 'secret/n'))['keys']).to.have.length(100)
      await member.end()
      await owner.running.stop()
      owner = await restartedOwner()
      expect((await owner.data('LIST', 'secret/n'))['keys']).to.have.length(100)
      member = await join2('worker-1')
      await unseal(member)
      expect((await member.call('GET', '/v1/sys/health')).status).to.equal(200)
    })

    const restartedOwner = async (): Promise<TestServer> => {
      const again = await levelServer(owner.folder, '', { share: socket })
      again.shares = owner.shares
      again.token = owner.token
      await unseal(again)
      expect((await again.call('GET', '/v1/sys/health')).status).to.equal(200)
      return again
    }

    it('needs an audit device of its own in each process', async () => {
      const silent = await join2('silent', false)
      const [first, second] = owner.shares
      await silent.call('PUT', '/v1/sys/unseal', { key: first })
      const refused = await silent.call('PUT', '/v1/sys/unseal', { key: second })
      expect(refused.text).to.include('needs an audit device of its own')
      expect((await silent.call('GET', '/v1/sys/health')).status).to.equal(503)
      await silent.end()
    })

    it('takes a frozen process out of service before a revocation is answered', async () => {
      const token = String(authOf(await owner.call('POST', '/v1/auth/token/create', { policies: ['default'] }))['client_token']) // prettier-ignore
      const lookup = async () => (await member.call('GET', '/v1/auth/token/lookup-self', undefined, as(token))).status
      expect([await lookup(), await lookup()]).to.deep.equal([200, 200])
      member.signal('SIGSTOP')
      // Waits in the frozen process when it goes on, before anything tells it what happened.
      const late = lookup()
      await owner.data('POST', 'auth/token/revoke', { token })
      const after = lookup()
      member.signal('SIGCONT')
      expect([await late, await after]).to.deep.equal([503, 503])
      expect((await member.call('GET', '/v1/sys/health')).status).to.equal(503)
      await unseal(member)
      expect(await lookup()).to.equal(403)
    })

    it('changes the root key at the owner only, and the others seal themselves before the response', async () => {
      const refused = await member.call('POST', '/v1/sys/rotate/root')
      expect([refused.status, refused.text]).to.satisfy(([status, text]: [number, string]) => status === 400 && text.includes('owns the storage')) // prettier-ignore
      expect((await member.call('GET', '/v1/sys/health')).status).to.equal(200)
      await owner.data('POST', 'sys/rotate/root')
      expect((await member.call('GET', '/v1/sys/health')).status).to.equal(503)
      await unseal(member)
      expect((await member.call('GET', '/v1/auth/token/lookup-self')).status).to.equal(200)
    })

    it('is sealed as a whole when the owner is sealed', async () => {
      await owner.data('PUT', 'sys/seal')
      expect((await member.call('GET', '/v1/auth/token/lookup-self')).status).to.equal(503)
      for (const server of [owner, member]) await unseal(server)
      expect((await member.call('GET', '/v1/auth/token/lookup-self')).status).to.equal(200)
    })
  })
})
