import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { expect } from 'chai'
import type { Gateway, Listener } from '../../../src/contract/protocol.ts'
import type { HttpOptions } from '../../../src/protocols/http/listener.ts'
import { gatewayTo, listenVault } from '../../support/listen.ts'

/** Answers when it is told to. */
class Slow {
  readonly gateway = gatewayTo(async () => this.#handle())
  finish: () => void = () => {}
  readonly begun: Promise<void>
  #begin: () => void = () => {}

  constructor() {
    this.begun = new Promise((resolve) => (this.#begin = resolve))
  }

  async #handle(): Promise<{ readonly data: { readonly done: true } }> {
    this.#begin()
    await new Promise<void>((resolve) => (this.finish = resolve))
    return { data: { done: true } }
  }
}

describe('an HTTP listener', () => {
  const open = async (gateway: Gateway, more: Partial<HttpOptions> = {}): Promise<[Listener, Socket]> => {
    const listener = await listenVault(gateway, { host: '127.0.0.1', port: 0, ...more })
    const socket = connect(Number(listener.address.split(':').at(-1)), '127.0.0.1')
    await once(socket, 'connect')
    return [listener, socket]
  }

  it('completes requests in progress when it closes', async () => {
    const slow = new Slow()
    const [listener, socket] = await open(slow.gateway)
    socket.write('GET /v1/a HTTP/1.1\r\nHost: a\r\n\r\n')
    await slow.begun
    const closed = listener.close()
    slow.finish()
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString()).to.match(/^HTTP\/1\.1 200[^]*"done":true/)
    await closed
  })

  it('closes a connection whose request head takes too long, silently if nothing was sent', async () => {
    for (const said of ['GET /v1/a HTTP/1.1\r\nHost: a\r\nX-Slow: ', 'LIS', '', '\r\n']) {
      const [listener, socket] = await open(new Slow().gateway, { headersTimeout: 100 })
      let answer = ''
      socket.on('error', () => {}).on('data', (part: Buffer) => (answer += part.toString()))
      if (said !== '') socket.write(said)
      await once(socket, 'close')
      if (said.trim() === '') expect(answer).to.equal('')
      else expect(answer).to.match(/^HTTP\/1\.1 408/)
      await listener.close()
    }
  })

  it('hangs up on connections beyond its limit, and takes new ones once there is room', async () => {
    const [listener, first] = await open(new Slow().gateway, { maxConnections: 1 })
    const port = Number(listener.address.split(':').at(-1))
    const second = connect(port, '127.0.0.1').on('error', () => {})
    await once(second, 'close')
    first.destroy()
    await once(first, 'close')
    let answered = ''
    for (let tries = 0; answered === '' && tries < 100; tries++) {
      const next = connect(port, '127.0.0.1').on('error', () => {})
      next.on('data', (part: Buffer) => (answered += part.toString()))
      next.end('OPTIONS /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      await once(next, 'close')
    }
    expect(answered).to.match(/^HTTP\/1\.1 404/)
    await listener.close()
  })

  it('closes a connection with further requests after its response', async () => {
    const slow = new Slow()
    const [listener, socket] = await open(slow.gateway)
    const ask = (): unknown => socket.write('GET /v1/a HTTP/1.1\r\nHost: a\r\n\r\n')
    ask()
    await slow.begun
    const closing = listener.close()
    let answers = ''
    socket
      .on('error', () => {})
      .on('data', (part: Buffer) => {
        answers += part.toString()
        ask()
        slow.finish()
      })
    slow.finish()
    const endless = setInterval(() => slow.finish(), 5)
    await closing
    clearInterval(endless)
    expect(answers).to.match(/^HTTP\/1\.1 200/)
  })

  it('does not wait for ever for a client that does not finish its request', async () => {
    const [listener, socket] = await open(new Slow().gateway, { finishTimeout: 50 })
    socket.on('error', () => {})
    socket.write('POST /v1/a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{')
    const gone = once(socket, 'close')
    await listener.close()
    await gone
  })
})
