import { readFileSync } from 'node:fs'
import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { expect } from 'chai'
import { protocols } from '../../../src/server/protocols.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { initialised, levelServer, unseal } from '../../support/server.ts'
import type { Body, TestServer } from '../../support/server.ts'
import { echoProtocol } from './protocol.ts'

/** Sends a message, and gives the reply. */
type Ask = (message: unknown) => Promise<Body>
interface Audited {
  readonly type: string
  readonly error?: string
  readonly request: Readonly<Record<string, unknown>>
}

const sent = (message: unknown): string => (typeof message === 'string' ? message : JSON.stringify(message))

/** The ways to the protocol: both have to keep the same promises. */
const ways: Readonly<Record<string, (server: TestServer) => Ask>> = {
  'its own listener': (server) => async (message) => {
    const socket = connect(Number(server.running.listeners[1]?.split(':').at(-1)), '127.0.0.1')
    socket.write(`${sent(message)}\n`)
    const [line] = (await once(createInterface(socket), 'line')) as [string]
    socket.destroy()
    return JSON.parse(line) as Body
  },
  'a path of the shared listener': (server) => async (message) =>
    (await server.call('POST', '/echo', sent(message), {})).body,
  'a host of the shared listener': (server) => async (message) =>
    (await server.call('POST', '/v1/sys/seal-status', sent(message), { Host: 'echo.test' })).body,
}

describe('a second protocol', () => {
  for (const [way, by] of Object.entries(ways))
    describe(`on ${way}`, () => {
      let server: TestServer
      let ask: Ask
      const lines = (): Audited[] =>
        readFileSync(join(server.folder, 'audit.log'), 'utf8')
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line) as Audited)
          .filter(({ request }) => request['protocol'] === 'echo')
      const error = async (message: unknown): Promise<unknown> => (await ask(message))['error']

      before(async () => {
        server = await levelServer(temporaryFolder(), '', {
          // The first match counts: every path of its host is its own.
          protocols: (parts) => [echoProtocol(parts.gateway), ...protocols(parts)],
        })
        ask = by(server)
        await initialised(server)
      })
      after(async () => server.running.stop())

      it('is refused while the server is sealed', async () => {
        expect(await error({ do: 'read', path: 'kv/a', token: server.token })).to.equal('sealed')
        await unseal(server)
        await server.data('POST', 'sys/mounts/kv', { type: 'kv' })
      })

      it('reads values that Vault’s protocol wrote, and the other way round', async () => {
        const { token } = server
        await server.data('PUT', 'kv/a', { from: 'vault' })
        expect(await ask({ do: 'read', path: 'kv/a', token })).to.deep.include({ ok: { from: 'vault' } })
        expect(await ask({ do: 'write', path: 'kv/b', token, data: { from: 'echo' } })).to.have.property('ok')
        expect(await server.data('GET', 'kv/b')).to.deep.equal({ from: 'echo' })
        expect(await ask({ do: 'list', path: 'kv', token })).to.deep.include({ ok: { keys: ['a', 'b'] } })
      })

      it('is under the same policies', async () => {
        const token = await server.tokenWith('path "kv/a" { capabilities = ["read"] }')
        expect(await ask({ do: 'read', path: 'kv/a', token })).to.have.property('ok')
        expect(await error({ do: 'read', path: 'kv/b', token })).to.equal('permission_denied')
        expect(await error({ do: 'write', path: 'kv/a', token, data: { from: 'nobody' } })).to.equal(
          'permission_denied',
        )
        expect(await error({ do: 'read', path: 'kv/a' })).to.equal('unauthenticated')
        expect(await server.data('GET', 'kv/a')).to.deep.equal({ from: 'vault' })
      })

      it('has a pair of audit lines for every message, with the name of the protocol', async () => {
        const { id } = await ask({ do: 'read', path: 'kv/a', token: server.token })
        const pair = lines().filter(({ request }) => request['id'] === id)
        expect(pair.map(({ type }) => type)).to.deep.equal(['request', 'response'])
        expect(pair[0]?.request).to.include({ operation: 'read', path: 'kv/a', remote_address: '127.0.0.1' })
        expect(JSON.stringify(pair)).not.to.contain(server.token)
      })

      it('has audit lines for malformed requests', async () => {
        const bad = ['nothing', '[1]', '{"do":"help","path":"kv/a"}', '{"do":"read","path":"kv/../a"}']
        for (const message of bad) {
          const { id, error: code } = await ask(message)
          expect(code, message).to.equal('invalid_request')
          expect(
            lines().filter(({ request, error: why }) => request['id'] === id && why),
            message,
          ).to.have.lengthOf(2)
        }
      })

      it('has no audit line that names Vault’s protocol', async () => {
        await server.data('GET', 'kv/a')
        expect(readFileSync(join(server.folder, 'audit.log'), 'utf8')).not.to.contain('"protocol":"vault"')
      })

      it('counts against the same quotas', async () => {
        await server.data('POST', 'sys/quotas/rate-limit/few', { path: 'kv', rate: 2, interval: '1h' })
        const { token } = server
        expect([await error({ do: 'read', path: 'kv/a', token }), (await server.call('GET', '/v1/kv/a')).status]).to.deep.equal([undefined, 200]) // prettier-ignore
        expect([await error({ do: 'read', path: 'kv/a', token }), (await server.call('GET', '/v1/kv/a')).status]).to.deep.equal(['rate_limited', 429]) // prettier-ignore
        await server.data('DELETE', 'sys/quotas/rate-limit/few')
      })

      it('is refused again once the server is sealed', async () => {
        await server.data('PUT', 'sys/seal')
        expect(await error({ do: 'read', path: 'kv/a', token: server.token })).to.equal('sealed')
      })
    })

  it('stops with the server', async () => {
    const server = await levelServer(temporaryFolder(), '', {
      protocols: ({ gateway }) => [echoProtocol(gateway)],
    })
    const port = Number(server.running.listeners[1]?.split(':').at(-1))
    await once(connect(port, '127.0.0.1'), 'connect')
    await server.running.stop()
    const [refused] = (await once(connect(port, '127.0.0.1'), 'error')) as [NodeJS.ErrnoException]
    expect(refused.code).to.equal('ECONNREFUSED')
  })

  it('needs no other one: paths of a protocol that is not in the table are those of nobody', async () => {
    const server = await levelServer(temporaryFolder(), '', {
      protocols: ({ gateway }) => [echoProtocol(gateway)],
    })
    const reply = await server.call('GET', '/v1/sys/seal-status', undefined, {})
    expect([reply.status, reply.text]).to.deep.equal([404, '{"errors":[]}\n'])
    expect((await server.call('POST', '/echo', '{"do":"read","path":"sys/seal-status"}', {})).body).to.have.property(
      'ok',
    )
    await server.running.stop()
  })

  it('names headers of its own that may occur only once', async () => {
    const server = await levelServer(temporaryFolder(), '', {
      protocols: ({ gateway }) => [echoProtocol(gateway)],
    })
    const socket = connect(Number(new URL(server.running.address).port), '127.0.0.1')
    const message = (path: string, more: string): string =>
      `GET ${path} HTTP/1.1\r\nHost: a\r\nX-Echo: 1\r\nX-Echo: 2\r\n${more}\r\n`
    socket.write(message('/echo', '') + message('/nobody', 'Connection: close\r\n'))
    let replies = ''
    socket.on('data', (part: Buffer) => (replies += part.toString()))
    await once(socket, 'close')
    expect(replies).to.contain('the header x-echo was given more than once')
    expect(replies).to.contain('{"errors":["a header was given more than once"]}\n')
    await server.running.stop()
  })
})
