import { once } from 'node:events'
import { connect } from 'node:net'
import { expect } from 'chai'
import { openLevelServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'

/** What a client sends through a proxy: the status of its answer. */
async function asked(server: TestServer, token: string, client: string, how: 'header' | 'protocol'): Promise<number> {
  const socket = connect(Number(new URL(server.running.address).port), '127.0.0.1')
  const lines = ['GET /v1/auth/token/lookup-self HTTP/1.1', 'Host: a', 'Connection: close', `X-Vault-Token: ${token}`]
  if (how === 'header') lines.push(`X-Forwarded-For: ${client}`)
  const family = client.includes(':') ? 'TCP6' : 'TCP4'
  const before = how === 'header' ? '' : `PROXY ${family} ${client} ${client} 4000 8200\r\n`
  let answer = ''
  socket.on('error', () => {}).on('data', (part: Buffer) => (answer += part.toString('latin1')))
  socket.write(`${before}${lines.join('\r\n')}\r\n\r\n`)
  await once(socket, 'close')
  return Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1])
}

const settings = {
  header:
    'x_forwarded_for_authorized_addrs = "127.0.0.1" x_forwarded_for_reject_not_present = false x_forwarded_for_reject_not_authorized = false',
  protocol: 'proxy_protocol_behavior = "allow_authorized" proxy_protocol_authorized_addrs = "127.0.0.1"',
} as const

describe('quotas, bound tokens and logs by the address of a client, behind a proxy', () => {
  for (const how of ['header', 'protocol'] as const)
    describe(how === 'header' ? 'that sends X-Forwarded-For' : 'that sends PROXY headers', () => {
      let server: TestServer
      const boundToken = async (): Promise<string> => {
        const { body } = await server.call('POST', '/v1/auth/token/create/bound', { policies: ['default'] })
        return (body['auth'] as { readonly client_token: string }).client_token
      }
      before(async () => {
        server = await openLevelServer(settings[how])
      })
      after(async () => server.running.stop())

      it('bound address blocks are held against the client, not the proxy', async () => {
        await server.data('POST', 'auth/token/roles/bound', { token_bound_cidrs: ['203.0.113.0/24', '2001:db8::/32'] })
        const inside = await boundToken()
        expect(await asked(server, inside, '203.0.113.7', how)).to.equal(200)
        expect(await asked(server, inside, '2001:db8::7', how)).to.equal(200)
        for (const client of ['198.51.100.7', '127.0.0.1', '2001:db9::7'])
          expect(await asked(server, inside, client, how), client).to.equal(403)
        await server.data('POST', 'auth/token/roles/bound', { token_bound_cidrs: ['127.0.0.1'] })
        const ofProxy = await boundToken()
        expect(await asked(server, ofProxy, '203.0.113.7', how)).to.equal(403)
        expect(await asked(server, ofProxy, '127.0.0.1', how)).to.equal(200)
      })

      it('a rate quota counts each client of its own', async () => {
        await server.data('POST', 'sys/quotas/rate-limit/q', { path: 'auth/token', rate: 2, interval: '10m' })
        const { token } = server
        for (const client of ['203.0.113.1', '203.0.113.2', '2001:db8::1'])
          expect([await asked(server, token, client, how), await asked(server, token, client, how), await asked(server, token, client, how)], client).to.deep.equal([200, 200, 429]) // prettier-ignore
        // Whoever comes straight from the proxy has not asked yet.
        expect((await server.call('GET', '/v1/auth/token/lookup-self')).status).to.equal(200)
      })
    })
})
