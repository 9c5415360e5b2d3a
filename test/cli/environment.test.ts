import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import { certificateFiles } from '../support/certificate.ts'
import { Shell, scripted } from './support.ts'

const data = { 'GET /v1/a': [{ body: { request_id: 'r', data: { x: 1 } } }] }

describe('settings of the command line', () => {
  it('of the address: the flag, before STRONGROOM_, BAO_ and VAULT_', async () => {
    await scripted(data, async (_, server, address) => {
      const nowhere = 'http://127.0.0.1:1'
      for (const [env, flag] of [
        [{ VAULT_ADDR: address }, ''],
        [{ BAO_ADDR: address, VAULT_ADDR: nowhere }, ''],
        [{ STRONGROOM_ADDR: address, BAO_ADDR: nowhere, VAULT_ADDR: nowhere }, ''],
        [{ STRONGROOM_ADDR: nowhere, VAULT_ADDR: nowhere }, `-address=${address} `],
        [{ VAULT_ADDR: nowhere, VAULT_AGENT_ADDR: address }, ''],
      ] as const)
        expect((await new Shell(env).run(`read -field=x ${flag}a`)).out, JSON.stringify(env)).to.equal('1')
      expect(server.seen).to.have.length(5)
    })
  })

  it('of the token: the environment before the one that login kept, and none if there is none', async () => {
    await scripted(data, async (_, server, address) => {
      const shell = new Shell({ VAULT_ADDR: address })
      const sent = async (): Promise<unknown> => {
        await shell.run('read a')
        return server.seen.at(-1)?.headers['x-vault-token']
      }
      expect(await sent()).to.equal(undefined)
      writeFileSync(join(shell.home, '.vault-token'), 'kept\n')
      expect(await sent()).to.equal('kept')
      shell.env['VAULT_TOKEN'] = 'given'
      expect(await sent()).to.equal('given')
      shell.env['STRONGROOM_TOKEN'] = 'nearer'
      expect(await sent()).to.equal('nearer')
      expect((await shell.run('print token')).out).to.equal('nearer\n')
    })
  })

  it('of the format: the flag before the environment, and formats that the command lacks are refused', async () => {
    await scripted(data, async (shell, server) => {
      shell.env['VAULT_FORMAT'] = 'json'
      expect(JSON.parse((await shell.run('read a')).out)).to.deep.include({ data: { x: 1 } })
      shell.env['BAO_FORMAT'] = 'YAML'
      expect((await shell.run('read a')).out).to.match(/^data:\n {2}x: 1\n/)
      expect((await shell.run('read -format=table a')).out).to.match(/^Key +Value\n/)
      shell.env['STRONGROOM_FORMAT'] = 'xml'
      const before = server.seen.length
      expect(await shell.run('read a')).to.deep.include({ code: 1, err: 'Invalid output format: xml\n' })
      expect(server.seen).to.have.length(before)
    })
  })

  it('of namespace, wrapping and certificates: flags before the environment', async () => {
    await scripted(data, async (shell, server) => {
      Object.assign(shell.env, { VAULT_NAMESPACE: 'north/', VAULT_WRAP_TTL: '90' })
      await shell.run('read a')
      expect(server.seen.at(-1)?.headers).to.include({ 'x-vault-namespace': 'north/', 'x-vault-wrap-ttl': '1m30s' })
      await shell.run('read -ns=south -wrap-ttl=1h a')
      expect(server.seen.at(-1)?.headers).to.include({ 'x-vault-namespace': 'south/', 'x-vault-wrap-ttl': '1h0m0s' })
    })
  })

  it('of the lockout of users: switched off for a server by true, and only by that', async () => {
    for (const [env, expected] of [
      [{}, false],
      [{ VAULT_DISABLE_USER_LOCKOUT: '' }, false],
      [{ VAULT_DISABLE_USER_LOCKOUT: 'true' }, true],
      [{ BAO_DISABLE_USER_LOCKOUT: '0', VAULT_DISABLE_USER_LOCKOUT: '1' }, false],
    ] as const) {
      const shell = new Shell(env)
      await shell.run('server -dev').catch(() => {})
      expect(shell.started[0]?.lockoutDisabled, JSON.stringify(env)).to.equal(expected)
    }
    const refused = await new Shell({ VAULT_DISABLE_USER_LOCKOUT: 'yes' }).run('server -dev')
    expect([refused.code, refused.err]).to.satisfy(
      ([code, err]: [number, string]) => code !== 0 && err.includes('VAULT_DISABLE_USER_LOCKOUT'),
    )
  })

  it('of a client certificate: by flags and by the environment, for a server that asks for one', async () => {
    const [server, client] = [certificateFiles(), certificateFiles({ name: 'client.example' })]
    const text = (file: string): string => readFileSync(file, 'utf8')
    const tls = { cert: text(server.cert), key: text(server.key), ca: text(client.cert) }
    const secure = createServer({ ...tls, requestCert: true, rejectUnauthorized: true }, (_, response) =>
      response.end('{"data":{"x":1}}'),
    )
    await new Promise<void>((done) => secure.listen(0, '127.0.0.1', done))
    try {
      const env = {
        VAULT_ADDR: `https://127.0.0.1:${(secure.address() as AddressInfo).port}`,
        VAULT_CACERT: server.cert,
        VAULT_MAX_RETRIES: '0',
      }
      const byFlags = `read -field=x -client-cert=${client.cert} -client-key=${client.key} a`
      expect((await new Shell(env).run(byFlags)).out).to.equal('1')
      const pair = { VAULT_CLIENT_CERT: client.cert, VAULT_CLIENT_KEY: client.key }
      expect((await new Shell({ ...env, ...pair }).run('read -field=x a')).out).to.equal('1')
      const without = await new Shell(env).run('read a')
      expect(without.code).to.equal(2)
      expect(without.err).to.include('-client-cert')
      const named = { ...env, ...pair, VAULT_TLS_SERVER_NAME: 'elsewhere.example' }
      expect((await new Shell(named).run('read a')).err).to.include('-tls-server-name')
    } finally {
      secure.close()
      secure.closeAllConnections()
    }
  })
})
