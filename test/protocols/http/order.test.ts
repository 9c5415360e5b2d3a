import { once } from 'node:events'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { expect } from 'chai'
import { certificate } from '../../support/certificate.ts'
import { devServer } from '../../support/server.ts'
import { gatewayTo, listenVault } from '../../support/listen.ts'

const message = (verb: string, path: string, token: string, body = '', last = false): string =>
  `${verb} /v1/${path} HTTP/1.1\r\nHost: a\r\nX-Vault-Token: ${token}\r\n${last ? 'Connection: close\r\n' : ''}Content-Length: ${body.length}\r\n\r\n${body}`

/** All answers to what is sent at once on one connection. */
async function exchange(port: number, sent: string, ca?: string): Promise<string> {
  const socket = ca === undefined ? connect(port, '127.0.0.1') : connectTls({ port, host: '127.0.0.1', ca })
  let answers = ''
  socket.on('error', () => {}).on('data', (part: Buffer) => (answers += part.toString()))
  socket.write(sent)
  await once(socket, 'close')
  return answers
}

const statuses = (answers: string): number[] => [...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map((found) => Number(found[1])) // prettier-ignore

describe('requests that are sent without waiting for answers', () => {
  it('are worked off in their order, on a real server', async () => {
    const server = await devServer()
    await server.data('POST', 'sys/mounts/kv', { type: 'kv' })
    const port = Number(new URL(server.running.address).port)
    const one = (round: number): string =>
      message('PUT', 'kv/x', 'root', `{"round":${round}}`) +
      message('GET', 'kv/x', 'root') +
      message('LIST', 'kv', 'root') +
      message('DELETE', 'kv/x', 'root') +
      message('LIST', 'kv', 'root')
    const sent = Array.from({ length: 20 }, (_, round) => one(round)).join('')
    const answers = await exchange(port, sent + message('GET', 'kv/x', 'root', '', true))
    expect(statuses(answers)).to.deep.equal([
      ...Array.from({ length: 20 }, () => [204, 200, 200, 204, 404]).flat(),
      404,
    ])
    const rounds = [...answers.matchAll(/"round":(\d+)/g)].map((found) => Number(found[1]))
    expect(rounds).to.deep.equal(Array.from({ length: 20 }, (_, round) => round))
    await server.running.stop()
  })

  for (const kind of ['plain', 'TLS'])
    it(`never run beside each other (${kind})`, async () => {
      let [running, most, handled] = [0, 0, 0]
      const gateway = gatewayTo(async () => {
        most = Math.max(most, ++running)
        await new Promise((resolve) => setImmediate(resolve))
        running--
        handled++
        return { data: {} }
      })
      const tls = certificate()
      const options = { host: '127.0.0.1', port: 0, ...(kind === 'TLS' && { tls: async () => tls }) }
      const listener = await listenVault(gateway, options)
      const port = Number(listener.address.split(':').at(-1))
      const sent = message('LIST', 'a', 't').repeat(300) + message('GET', 'a', 't', '', true)
      const answers = await exchange(port, sent, kind === 'TLS' ? tls.cert : undefined)
      expect(statuses(answers)).to.deep.equal(Array(301).fill(200))
      expect([handled, most]).to.deep.equal([301, 1])
      await listener.close()
    })

  it('are not worked on behind one that ends the connection', async () => {
    const server = await devServer()
    await server.data('POST', 'sys/mounts/kv', { type: 'kv' })
    const port = Number(new URL(server.running.address).port)
    const sent = message('PUT', 'kv/x', 'root', '{"a":1}', true) + message('DELETE', 'kv/x', 'root')
    expect(statuses(await exchange(port, sent))[0]).to.equal(204)
    expect((await server.call('GET', '/v1/kv/x')).status).to.equal(200)
    await server.running.stop()
  })
})
