import { createRequire } from 'node:module'
import { expect } from 'chai'
import { jwt, jwtKey } from '../support/jwt.ts'
import { devServer } from '../support/server.ts'
import type { Body, TestServer } from '../support/server.ts'

type Client = Readonly<Record<string, (values?: Body) => Promise<Body>>> & { token: string }

/** What else node-vault does: test/clients/first-session.test.ts. */
describe('node-vault, unmodified: logins', () => {
  let server: TestServer
  let vault: Client
  before(async () => (server = await devServer()))
  after(async () => server.running.stop())
  beforeEach(() => {
    const load = createRequire(import.meta.url)('node-vault') as (options: Body) => Client
    vault = load({ endpoint: server.running.address, token: 'root' })
  })
  const call = async (name: string, values?: Body): Promise<Body> => {
    const method = vault[name]
    if (!method) throw new Error(`node-vault has no ${name}`)
    return method.call(vault, values)
  }
  /** Logs in, and takes the token of the response for the next requests, as node-vault does. */
  const logsIn = async (name: string, values: Body): Promise<void> => {
    vault.token = ''
    const { client_token: token } = (await call(name, values))['auth'] as Body
    expect(vault.token).to.equal(token).and.not.equal('')
    expect((await call('tokenLookupSelf'))['data']).to.deep.include({ policies: ['app', 'default'] })
    await call('tokenRenewSelf')
  }

  it('approle: roles, secret ids with their accessors, a login, and none any more', async () => {
    await call('enableAuth', { mount_point: 'approle', type: 'approle' })
    await call('addApproleRole', { role_name: 'web', policies: 'app' })
    expect((await call('approleRoles'))['data']).to.deep.equal({ keys: ['web'] })
    const { role_id: roleId } = (await call('getApproleRoleId', { role_name: 'web' }))['data'] as Body
    const made = (await call('getApproleRoleSecret', { role_name: 'web' }))['data'] as Body
    const { secret_id: secretId, secret_id_accessor: accessor } = made
    await logsIn('approleLogin', { role_id: roleId, secret_id: secretId })
    vault.token = 'root'
    const found = await call('approleSecretAccessorLookup', { role_name: 'web', secret_id_accessor: accessor })
    expect(found['data']).to.include({ secret_id_accessor: accessor, secret_id_num_uses: 0 })
    await call('approleSecretAccessorDestroy', { role_name: 'web', secret_id_accessor: accessor })
    expect(await call('approleLogin', { role_id: roleId, secret_id: secretId }).catch(String)).to.match(/invalid/)
  })

  it('userpass', async () => {
    await call('enableAuth', { mount_point: 'userpass', type: 'userpass' })
    await server.data('POST', 'auth/userpass/users/ann', { password: 'example', token_policies: 'app' })
    await logsIn('userpassLogin', { username: 'ann', password: 'example' })
    expect(await call('userpassLogin', { username: 'ann', password: 'x' }).catch(String)).to.match(/invalid username/)
  })

  it('jwt, at another path', async () => {
    const key = jwtKey()
    await call('enableAuth', { mount_point: 'pipelines', type: 'jwt' })
    await server.data('POST', 'auth/pipelines/config', { jwt_validation_pubkeys: key.pem })
    const bounds = { role_type: 'jwt', user_claim: 'sub', bound_audiences: 'strongroom' }
    await server.data('POST', 'auth/pipelines/role/web', { ...bounds, token_policies: 'app' })
    const iat = Math.floor(Date.now() / 1000)
    const token = jwt({ aud: 'strongroom', sub: 'web', iat, exp: iat + 60 }, key)
    await logsIn('jwtLogin', { mount_point: 'pipelines', role: 'web', jwt: token })
  })
})
