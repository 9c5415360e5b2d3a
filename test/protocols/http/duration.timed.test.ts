import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { once } from 'node:events'
import { expect } from 'chai'
import { openLevelServer } from '../../support/server.ts'

describe('max_request_duration', () => {
  it('ends a request whose response takes longer, in words, and keeps the server for the next', async () => {
    const server = await openLevelServer('max_request_duration = "3s"')
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
    // Keys that take long to make, more at once than there are workers for them.
    const makes = Array.from({ length: 12 }, async (_, at) => server.call('POST', `/v1/transit/keys/k${at}`, { type: 'rsa-4096' })) // prettier-ignore
    const answers = await Promise.all(makes)
    const late = answers.filter(({ status }) => status === 503)
    expect(late.length).to.be.greaterThan(0)
    for (const { text, headers } of late) {
      expect(text).to.include('took longer than max_request_duration allows')
      expect(headers['connection']).to.equal('close')
      expect(headers['cache-control']).to.equal('no-store')
    }
    expect((await server.call('GET', '/v1/sys/seal-status')).status).to.equal(200)
    await server.running.stop()
  })

  it('ends a request whose body never arrives', async () => {
    const server = await openLevelServer('max_request_duration = "1s"')
    const socket = connect(Number(new URL(server.running.address).port), '127.0.0.1')
    let answer = ''
    socket.on('error', () => {}).on('data', (part: Buffer) => (answer += part.toString()))
    socket.write('PUT /v1/sys/unseal HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{')
    await once(socket, 'close')
    expect(answer).to.match(/^HTTP\/1\.1 (408|503)/)
    await server.running.stop()
  })

  it('is counted for each request, not for its connection', async () => {
    const server = await openLevelServer('max_request_duration = "1s"')
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const ask = async (): Promise<number> => {
      const sent = request(`${server.running.address}/v1/sys/seal-status`, { agent }).end()
      const [message] = (await once(sent, 'response')) as [{ readonly statusCode: number; resume(): void }]
      message.resume()
      await once(sent, 'close')
      return message.statusCode
    }
    const until = performance.now() + 1500
    while (performance.now() < until) expect(await ask()).to.equal(200)
    expect(Object.values(agent.freeSockets).flat()).to.have.length(1)
    agent.destroy()
    await server.running.stop()
  })
})
