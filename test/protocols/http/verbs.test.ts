import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { expect } from 'chai'
import * as fc from 'fast-check'
import type { Listener } from '../../../src/contract/protocol.ts'
import type { HttpOptions } from '../../../src/protocols/http/listener.ts'
import { VerbReader } from '../../../src/protocols/http/verbs.ts'
import { certificate } from '../../support/certificate.ts'
import { gatewayTo, listenVault } from '../../support/listen.ts'

/** Tells what it was asked, after a turn of the event loop or a few. */
const echo = gatewayTo(async ({ operation, path, data }) => {
  for (let turns = path.length % 3; turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve))
  const digest = createHash('sha256').update(JSON.stringify(data)).digest('hex').slice(0, 8)
  return { data: { asked: `${operation} ${path} ${digest}` } }
})

const listen = async (more: Partial<HttpOptions> = {}): Promise<Listener> =>
  listenVault(echo, { host: '127.0.0.1', port: 0, ...more })

const portOf = ({ address }: Listener): number => Number(address.split(':').at(-1))

interface Sent {
  readonly verb: string
  readonly path: string
  readonly body?: string
  readonly chunks?: readonly number[]
}

const operations: Readonly<Record<string, string>> = { LIST: 'list', SCAN: 'scan', GET: 'read', POST: 'write', DELETE: 'delete' } // prettier-ignore

function bytesOf({ verb, path, body, chunks }: Sent, last: boolean): string {
  const head = `${verb} /v1/${path} HTTP/1.1\r\nHost: a\r\n${last ? 'Connection: close\r\n' : ''}`
  if (body === undefined) return `${head}\r\n`
  if (!chunks) return `${head}content-LENGTH:  ${body.length}\r\n\r\n${body}`
  let rest = body
  let framed = ''
  for (const size of [...chunks, Infinity]) {
    const chunk = rest.slice(0, size)
    rest = rest.slice(size)
    if (chunk !== '') framed += `${chunk.length.toString(16).padStart(3, '0')};ext=LIST\r\n${chunk}\r\n`
  }
  return `${head}Transfer-Encoding: Chunked\r\n\r\n${framed}0\r\nLIST: /v1/trailer HTTP/1.1\r\n\r\n`
}

function expected({ verb, path, body }: Sent): string {
  const data = verb === 'POST' ? (JSON.parse(body ?? '{}') as unknown) : {}
  const digest = createHash('sha256').update(JSON.stringify(data)).digest('hex').slice(0, 8)
  return `${operations[verb]} ${path} ${digest}`
}

const asked = (answers: string): string[] => [...answers.matchAll(/"asked":"([^"]*)"/g)].map((found) => found[1] ?? '')

async function exchange(port: number, parts: readonly Buffer[], tls?: string): Promise<string> {
  const socket = tls ? connectTls({ port, host: '127.0.0.1', ca: tls }) : connect(port, '127.0.0.1')
  socket.setNoDelay(true)
  let answers = ''
  socket.on('error', () => {}).on('data', (part: Buffer) => (answers += part.toString('latin1')))
  const closed = once(socket, 'close')
  for (const part of parts) await new Promise((resolve) => socket.write(part, () => setImmediate(resolve)))
  await closed
  return answers
}

const tricky = fc.constantFrom(
  '\\nLIST /v1/x HTTP/1.1\\r\\n\\r\\n',
  'SCAN ',
  'LIST /',
  '0\\r\\n\\r\\nLIST /v1/b HTTP/1.1',
)
const sent: fc.Arbitrary<Sent> = fc
  .record({
    verb: fc.constantFrom('LIST', 'SCAN', 'GET', 'POST', 'DELETE'),
    path: fc.constantFrom('a', 'ab', 'abc', 'LIST', 'SCAN/x'),
    inner: fc.option(fc.array(tricky, { maxLength: 3 }), { nil: undefined }),
    chunks: fc.option(fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 5 }), { nil: undefined }),
  })
  .map(({ verb, path, inner, chunks }) => ({
    verb,
    path,
    ...(inner && { body: `{"a":"${inner.join('')}"}`, ...(chunks && { chunks }) }),
  }))

/** Cuts where it is told to, as fractions of the whole. */
function cut(whole: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => Math.floor(place * whole.length)))].sort((a, b) => a - b)
  return [0, ...at].map((from, index) => whole.subarray(from, at[index])).filter((part) => part.length > 0)
}

describe('LIST and SCAN', () => {
  const tls = certificate()
  const kinds = { plain: {}, TLS: { tls: async () => tls } } as const

  for (const [kind, more] of Object.entries(kinds))
    it(`pipelined with anything, cut anywhere, are answered in order, each with its own response (${kind})`, async () => {
      const listener = await listen(more)
      await fc.assert(
        fc.asyncProperty(
          fc.array(sent, { minLength: 1, maxLength: 8 }),
          fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }),
          async (requests, places) => {
            const whole = requests.map((one, at) => bytesOf(one, at === requests.length - 1)).join('')
            const ca = kind === 'TLS' ? tls.cert : undefined
            const answers = await exchange(portOf(listener), cut(Buffer.from(whole), places), ca)
            expect(asked(answers)).to.deep.equal(requests.map(expected))
          },
        ),
        { numRuns: 60 },
      )
      await listener.close()
    })

  it('cut between any two bytes are the same', async () => {
    const listener = await listen()
    const requests: Sent[] = [{ verb: 'SCAN', path: 'a' }, { verb: 'POST', path: 'b', body: '{"a":"LIST /"}', chunks: [3] }, { verb: 'LIST', path: 'c' }] // prettier-ignore
    const whole = Buffer.from(requests.map((one, at) => bytesOf(one, at === 2)).join(''))
    for (let at = 1; at < whole.length; at++) {
      const answers = await exchange(portOf(listener), [whole.subarray(0, at), whole.subarray(at)])
      expect(asked(answers), `cut at ${at}`).to.deep.equal(requests.map(expected))
    }
    const bytes = [...whole].map((byte) => Buffer.from([byte]))
    expect(asked(await exchange(portOf(listener), bytes))).to.deep.equal(requests.map(expected))
    await listener.close()
  })

  it('no part of them and no verb in their place is one', async () => {
    const listener = await listen()
    for (const verb of ['T', 'ST', 'IST', 'N', 'AN', 'CAN', 'list', 'Scan', 'LISTS', 'LISP', 'xLIST', 'LIST\t', 'LINK', 'BIND', 'LOCK']) {
      const answer = await exchange(portOf(listener), [Buffer.from(`${verb} /v1/a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)])
      expect(answer, verb).to.match(/^HTTP\/1\.1 40[05]/)
      expect(answer, verb).to.not.include('asked')
    } // prettier-ignore
    await listener.close()
  })

  it('a pooled connection stays silent and usable after one of them, beyond every timeout', async () => {
    const listener = await listen({ headersTimeout: 100, requestTimeout: 200, idleTimeout: 60_000 })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const ask = async (method: string): Promise<[string, boolean]> => {
      const outgoing = request({ agent, port: portOf(listener), method, path: '/v1/a', headers: { Host: 'a' } }).end()
      const [message] = (await once(outgoing, 'response')) as [AsyncIterable<Buffer>]
      let text = ''
      for await (const part of message) text += part.toString()
      return [asked(text)[0] ?? text, outgoing.reusedSocket]
    }
    // Node answers 408 to another connection that asks nothing whole: by then its clock has passed this one, too.
    const passed = async (): Promise<unknown> => exchange(portOf(listener), [Buffer.from('GET /v1/a HTTP/1.1\r\nX: ')])
    expect(await ask('LIST')).to.deep.equal([expected({ verb: 'LIST', path: 'a' }), false])
    for (const method of ['LIST', 'GET', 'SCAN', 'LIST']) {
      for (let times = 0; times < 3; times++) await passed()
      expect(await ask(method)).to.deep.equal([expected({ verb: method, path: 'a' }), true])
    }
    agent.destroy()
    await listener.close()
  })

  it('a response in progress is sent before the refusal of the next request', async () => {
    const listener = await listen({ headersTimeout: 100 })
    for (const [behind, status] of [['GARBAGE\r\n\r\n', 400], ['GET /v1/x HTTP/1.1\r\nX: ', 408], ['POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 400]] as const) {
      const first = 'LIST /v1/ab HTTP/1.1\r\nHost: a\r\n\r\n'
      const answers = await exchange(portOf(listener), [Buffer.from(first + first + behind)])
      expect([...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map((found) => Number(found[1])), behind).to.deep.equal([200, 200, status])
      expect(asked(answers)).to.have.length(2)
    } // prettier-ignore
    await listener.close()
  })

  it('an unknown verb gets a clear refusal, and a malformed request 400', async () => {
    const listener = await listen()
    const known = 'LIST /v1/ab HTTP/1.1\r\nHost: a\r\n\r\n'
    const cases: readonly (readonly [string, number])[] = [
      ['FOO /v1/a HTTP/1.1\r\nHost: a\r\n\r\n', 405], ['PROPEL /v1/a HTTP/1.1\r\n\r\n', 405], ['LISTEN /v1/a HTTP/1.1\r\n\r\n', 405], ['IST /v1/a HTTP/1.1\r\n\r\n', 405], ['\r\nFOO /v1/a HTTP/1.1\r\n\r\n', 405],
      ['FOO\r\n\r\n', 400], ['FOO /v1/a\r\n\r\n', 400], ['\u0016\u0003\u0001\r\n', 400], ['F-O /v1/a HTTP/1.1\r\n\r\n', 400],
    ] // prettier-ignore
    for (const [wire, status] of cases)
      for (const before of ['', known]) {
        const answers = await exchange(portOf(listener), [Buffer.from(before + wire, 'latin1')])
        const statuses = [...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map((found) => Number(found[1]))
        expect(statuses, before + wire).to.deep.equal(before === '' ? [status] : [200, status])
      }
    // Wherever the packets are cut, as long as they come.
    for (const [wire, status] of cases)
      for (const at of [1, 2, 3, 4, 5, 9, 12, wire.length - 4].filter((one) => one < wire.length))
        for (const before of ['', known]) {
          const whole = Buffer.from(before + wire, 'latin1')
          const place = before.length + at
          const answers = await exchange(portOf(listener), [whole.subarray(0, place), whole.subarray(place)])
          const statuses = [...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map((found) => Number(found[1]))
          expect(statuses, `${before}${wire} cut at ${place}`).to.deep.equal(before === '' ? [status] : [200, status])
        }
    await listener.close()
  })

  it('wait for 100 Continue like any other verb, and ask for no other protocol', async () => {
    const listener = await listen()
    const expecting = 'LIST /v1/a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n'
    const upgrade = 'LIST /v1/ab HTTP/1.1\r\nHost: a\r\nConnection: close, Upgrade\r\nUpgrade: websocket\r\n\r\n'
    const answers = await exchange(portOf(listener), [Buffer.from(expecting), Buffer.from(`LIST ${upgrade}`)])
    expect(answers).to.match(/^HTTP\/1\.1 100/)
    expect(asked(answers)).to.deep.equal(
      [
        { verb: 'LIST', path: 'a' },
        { verb: 'LIST', path: 'ab' },
      ].map(expected),
    )
    await listener.close()
  })

  it('an upgrade that nobody offers is ignored, and no request behind it is lost', async () => {
    const listener = await listen()
    const plain = 'GET /v1/b HTTP/1.1\r\nHost: a\r\n\r\n'
    const end = 'GET /v1/c HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
    for (const head of ['Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n', 'UPGRADE: websocket\r\nconnection: upgrade\r\n'])
      for (const verb of ['GET', 'LIST']) {
        const wire = Buffer.from(`${verb} /v1/a HTTP/1.1\r\nHost: a\r\n${head}\r\n${plain}${end}`)
        const from = wire.toString().search(/upgrade: /i)
        for (const at of [0, from, from + 1, from + 6, from + 7, from + 8, from + 9]) {
          const answers = await exchange(portOf(listener), [wire.subarray(0, at), wire.subarray(at)])
          expect(asked(answers), `${verb} ${head} cut at ${at}`).to.deep.equal(
            [{ verb, path: 'a' }, { verb: 'GET', path: 'b' }, { verb: 'GET', path: 'c' }].map(expected),
          )
        }
      } // prettier-ignore
    await listener.close()
  })

  it('CVE class request smuggling: ambiguous framing is refused, and nothing behind it is processed', async () => {
    const listener = await listen()
    const hidden = 'LIST /v1/hidden HTTP/1.1\r\nHost: a\r\n\r\n'
    for (const head of [
      'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', 'Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', 'Content-Length: 5\r\nContent-Length: 5\r\n', 'Content-Length: 5\r\nContent-Length: 6\r\n',
      'Content-Length: 5, 5\r\n', 'Content-Length: +5\r\n', 'Content-Length: -5\r\n', 'Content-Length: 0x5\r\n', 'Content-Length : 5\r\n', 'Content-Length:\r\n 5\r\n', 'Transfer-Encoding : chunked\r\n', 'Transfer-Encoding: xchunked\r\n',
      'Transfer-Encoding: identity\r\n', 'Transfer-Encoding: chunked, identity\r\n', 'Transfer-Encoding: gzip, chunked\r\n', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', 'Transfer-Encoding:\x0bchunked\r\n', 'X: a\rContent-Length: 5\r\n', 'X: a\nContent-Length: 5\r\n',
    ]) {
      const answers = await exchange(portOf(listener), [Buffer.from(`POST /v1/a HTTP/1.1\r\nHost: a\r\n${head}\r\n0\r\n\r\n${hidden}`)])
      expect(answers.match(/HTTP\/1\.1 /g), head).to.have.length(1)
      expect(answers, head).to.match(/^HTTP\/1\.1 (400|415)/)
      expect(asked(answers), head).to.deep.equal([])
    } // prettier-ignore
    await listener.close()
  })

  it('the reader changes four letters at most, whatever comes, and never the number of bytes', () => {
    const piece = fc.oneof(fc.constantFrom('LIST ', 'SCAN ', 'LI', 'ST', '\r\n', '\n', '\r', 'Content-Length: 3', 'Transfer-Encoding: chunked', '5\r\n', '0', ' HTTP/1.1'), fc.string({ maxLength: 5 })) // prettier-ignore
    fc.assert(
      fc.property(fc.array(piece), fc.array(fc.double({ min: 0, max: 1, noNaN: true })), (pieces, places) => {
        const whole = Buffer.from(pieces.join(''), 'latin1')
        const split = new VerbReader()
        const parts = cut(Buffer.from(whole), places).map((part) => Buffer.from(split.take(part)))
        const seen = Buffer.concat([...parts, split.rest()])
        const atOnce = new VerbReader()
        expect(seen.equals(Buffer.concat([Buffer.from(atOnce.take(Buffer.from(whole))), atOnce.rest()]))).to.equal(true)
        expect(seen.length).to.equal(whole.length)
        const back = seen.toString('latin1').replaceAll('LINK ', 'LIST ').replaceAll('BIND ', 'SCAN ')
        expect(back).to.equal(whole.toString('latin1'))
      }),
      { numRuns: 2000 },
    )
  })
})
