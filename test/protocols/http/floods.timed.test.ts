import { connect } from 'node:net'
import { expect } from 'chai'
import { jsonLimits } from '../../../src/util/json-limits.ts'
import { longestTurn, MeasuredServer } from '../../support/processes/measured.ts'
import { expectNoMemoryGrowth, many } from '../../support/processes/memory-growth.ts'
import type { Reply } from '../../support/server.ts'

const mebibyte = 1024 * 1024
const limit = jsonLimits.bytes
const nobody = { 'X-Vault-Token': '' }

/** Sends a head, a body and, once `until` is over, its end; the status of the answer. Then the connection goes, whatever was sent. */
async function status(
  server: MeasuredServer,
  head: string,
  body: Buffer,
  end: Buffer,
  until: Promise<unknown>,
): Promise<number> {
  const { hostname, port } = new URL(server.http.running.address)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(`${head}\r\n\r\n`)
      socket.write(body)
      void until.then(() => socket.write(end))
    })
    let answer = ''
    socket.on('data', (part: Buffer) => {
      answer += part.toString('latin1')
      const found = /^HTTP\/1\.1 (\d{3})/.exec(answer)
      if (!found) return
      socket.destroy()
      resolve(Number(found[1]))
    })
    socket.on('error', reject)
    socket.on('close', () => reject(new Error(`closed without an answer: ${answer}`)))
  })
}

describe('floods', function () {
  this.timeout(5 * 60_000)
  let server: MeasuredServer
  beforeEach(async () => (server = await MeasuredServer.start()))
  afterEach(async () => server.stop())

  const post = async (
    path: string,
    body: unknown,
    headers: Readonly<Record<string, string>> = nobody,
  ): Promise<Reply> => server.http.call('POST', `/v1/${path}`, body, headers)
  /** The most memory that something took, above what there was before. */
  const rise = async (work: () => Promise<unknown>): Promise<number> => {
    const { rss } = await server.memory()
    await work()
    return (await server.memory()).peak - rss
  }

  /** The most bytes that it holds until it holds no more, garbage left aside. */
  const mostHeld = async (): Promise<number> => {
    let [most, same] = [0, 0]
    while (same < 15) {
      const { held } = await server.memory()
      same = held > most + mebibyte / 4 ? 0 : same + 1
      most = Math.max(most, held)
    }
    return most
  }

  const body = Buffer.alloc(limit + 1, 'x')
  const chunked = Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body])
  /** A hundred bodies of one byte too many, most of which stop after so many bytes until something is over: their statuses. */
  const hundred = (bytes: number, until: Promise<unknown>): Promise<number>[] => {
    const head = 'POST /v1/sys/unseal HTTP/1.1\r\nHost: a\r\n'
    const none = Buffer.alloc(0)
    return Array.from({ length: 100 }, async (_, at) =>
      at % 4 === 0
        ? status(server, `${head}Content-Length: ${body.length}`, body, none, until)
        : status(
            server,
            `${head}Transfer-Encoding: chunked`,
            chunked.subarray(0, bytes),
            chunked.subarray(bytes),
            until,
          ),
    )
  }

  it('CVE-2023-6337: a hundred bodies of one byte too many at once are refused, and health answers', async () => {
    const waits: number[] = []
    let under = true
    const watch = async (): Promise<void> => {
      while (under) {
        const begun = performance.now()
        expect((await server.http.call('GET', '/v1/sys/health', undefined, nobody)).status).to.equal(200)
        waits.push(performance.now() - begun)
      }
    }
    const watching = watch()
    const risen = await rise(async () =>
      expect(await Promise.all(hundred(chunked.length, Promise.resolve()))).to.deep.equal(Array(100).fill(413)),
    )
    under = false
    await watching
    // 16 MiB of them are held at once, and V8 lets 64 MiB of read buffers lie about; all that was sent are 600 MiB.
    expect(risen / mebibyte, 'MiB of the process').to.be.lessThan(200)
    expect(waits.length).to.be.greaterThan(2)
    expect(waits.sort((a, b) => a - b)[Math.floor(waits.length / 2)], 'milliseconds').to.be.lessThan(200)
  })

  it('CVE-2023-6337: a hundred unfinished bodies are held in little memory', async () => {
    const before = await server.memory()
    let finish = (): void => {}
    const statuses = hundred(3 * mebibyte, new Promise<void>((resolve) => (finish = resolve)))
    const most = await mostHeld()
    const { peak } = await server.memory()
    finish()
    expect((most - before.held) / mebibyte, 'MiB').to.be.lessThan(100)
    expect((peak - before.rss) / mebibyte, 'MiB of the process').to.be.lessThan(100)
    // On a slow machine some have kept the others waiting for too long.
    expect(await Promise.all(statuses)).to.satisfy((all: number[]) => all.every((one) => one === 413 || one === 503))
  })

  /** Sends fifty requests at once. Every second client reads nothing of its response until something is over. */
  const fifty = (path: string, content: string, until: Promise<unknown>): Promise<number>[] => {
    const { hostname, port } = new URL(server.http.running.address)
    const head = `POST /v1/${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Vault-Token: ${server.http.token}\r\nContent-Length: ${content.length}\r\n\r\n`
    const send = async (slow: boolean): Promise<number> =>
      new Promise((resolve) => {
        const socket = connect(Number(port), hostname, () => socket.write(head + content))
        let start = ''
        socket.on('data', (part: Buffer) => (start = start.length < 12 ? start + part.toString('latin1') : start))
        if (slow) {
          socket.pause()
          void until.then(() => socket.resume())
        }
        // Whoever reads too slowly while others wait is hung up on.
        socket.on('error', () => {})
        socket.on('close', () => resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(start)?.[1] ?? 503)))
      })
    return Array.from({ length: 50 }, async (_, at) => send(at % 2 === 0))
  }

  it('fifty of the largest messages at once, encrypted for slow and fast readers, are held in bounded memory', async () => {
    const { http } = server
    await http.data('POST', 'sys/mounts/transit', { type: 'transit' })
    await http.data('POST', 'transit/keys/k', { type: 'aes256-gcm96' })
    const message = `{"plaintext":"${'QUJD'.repeat(Math.floor((limit * 0.98 - 4096) / 4))}"}`
    await http.call('POST', '/v1/transit/encrypt/k', message)
    const before = (await server.memory()).held
    let finish = (): void => {}
    const statuses = fifty('transit/encrypt/k', message, new Promise<void>((resolve) => (finish = resolve)))
    let fast = true
    const answered = Promise.all(statuses.filter((_, at) => at % 2 === 1)).then(() => (fast = false))
    let most = 0
    while (fast) most = Math.max(most, (await server.memory()).held)
    await answered
    finish()
    const all = await Promise.all(statuses)
    // On a slow machine some take longer to arrive than a request may.
    expect(all, all.join()).to.satisfy(() => all.every((one) => [200, 408, 503].includes(one)))
    expect(all).to.include(200)
    // Each of the few that go on has several copies of its message at times; without a bound all fifty have.
    expect((most - before) / mebibyte, 'MiB').to.be.lessThan(100)
  })

  it('CVE-2025-6203, CVE-2025-59043: expensive bodies are refused quickly without a token, and take at most five times their size in memory', async () => {
    const whole = limit - 100
    const filled = (part: string, size = whole): string => part.repeat(Math.floor(size / part.length))
    const counted = (count: number, part: (at: number) => string): string => Array.from({ length: count }, (_, at) => part(at)).join(',') // prettier-ignore
    const bombs: readonly (readonly [string, string, number])[] = [
      ['deep arrays', `{"a":${filled('[', whole / 2)}${filled(']', whole / 2)}}`, 400],
      ['deep objects', `${filled('{"a":', whole - 100_000)}1`, 400],
      ['half a document', filled('['), 400],
      ['empty objects', `{"a":[${filled('{},')}{}]}`, 400],
      ['many names', `{${counted(350_000, (at) => `"${at.toString(36)}":1`)}}`, 400],
      ['many texts', `{"a":[${counted(400_000, (at) => `"${at.toString(36)}"`)}]}`, 400],
      ['many empty texts', `{"a":[${filled('"",')}""]}`, 400],
      ['one huge number', `{"a":${filled('1')}}`, 400],
      // One huge text is easy to read: the route refuses it.
      ['one huge text', `{"encoded_token":"${filled('a', whole - 50)}","otp":"a"}`, 400],
    ]
    for (const [shape, bomb, expected] of bombs) {
      const sent = 12
      const answers: number[] = []
      let turn = Infinity
      const most = await rise(async () => {
        turn = await server.longestTurn(async () =>
          many(sent, 4, async () => answers.push((await post('sys/decode-token', bomb)).status)),
        )
      })
      expect(answers, shape).to.deep.equal(Array(sent).fill(expected))
      expect(most / (sent * bomb.length), `${shape}: memory for each byte sent`).to.be.lessThan(5)
      for (let again = 0; turn >= longestTurn && again < 3; again++)
        turn = await server.longestTurn(async () => post('sys/decode-token', bomb))
      expect(turn, `${shape} (milliseconds)`).to.be.lessThan(longestTurn)
    }
  })

  it('CVE-2025-12044: over a quota of one a second, they are refused unread', async () => {
    const { http } = server
    await http.data('POST', 'sys/mounts/kv', { type: 'kv' })
    const bomb = `{"a":[${'{},'.repeat(100_000)}{}]}`
    expect((await post('kv/x', bomb)).status, 'without a quota it is read').to.equal(400)
    await http.data('POST', 'sys/quotas/rate-limit/q', { path: 'kv', rate: 1, interval: '1s' })
    const texts = new Map<number, Set<string>>()
    const begun = performance.now()
    await many(300, 10, async () => {
      const { status: told, text } = await post('kv/x', bomb)
      texts.set(told, (texts.get(told) ?? new Set()).add(text))
    })
    const seconds = (performance.now() - begun) / 1000
    expect([...texts.keys()].sort((a, b) => a - b)).to.deep.equal([400, 429])
    expect([...(texts.get(429) ?? [])].join())
      .to.include('rate limit')
      .and.to.not.match(/JSON|complexity/)
    expect(seconds, 'seconds').to.be.lessThan(60)
  })

  const keepsNothing = async (what: string, count: number, work: (at: number) => Promise<unknown>): Promise<void> =>
    expectNoMemoryGrowth(server, what, { count, work })

  it('CVE-2024-8185: a sealed server keeps no memory for shares, nonces and started operations, however many are sent', async () => {
    const { http } = server
    await http.data('PUT', 'sys/seal', {})
    const share = (at: number): string => at.toString(16).padStart(66, '0')
    await many(4000, 8, async () => post('sys/decode-token', {}))
    await keepsNothing('shares', 1000, async (at) => post('sys/unseal', { key: share(at), nonce: `${at}` }))
    const sealed = await http.call('GET', '/v1/sys/seal-status')
    expect(Number(sealed.body['progress'])).to.be.lessThan(2)
    for (const path of ['sys/generate-root/attempt', 'sys/rekey/init', 'sys/init', 'sys/rekey/verify'])
      await keepsNothing(path, 400, async (at) => post(path, { otp: `${at}`.padStart(26, 'a'), secret_shares: 1, secret_threshold: 1, nonce: `${at}` })) // prettier-ignore
  })

  it('CVE-2024-8185: an unsealed server keeps none either, whether the endpoint is enabled or not', async () => {
    const path = 'sys/generate-root/attempt'
    const flood = async (expected: number): Promise<void> => {
      const ask = async (): Promise<Reply> => server.http.call('GET', `/v1/${path}`, undefined, nobody)
      expect((await ask()).status).to.equal(expected)
      await keepsNothing(path, 2000, ask)
    }
    await flood(405)
    await server.stop()
    server = await MeasuredServer.start('disable_unauthed_generate_root_endpoints = false')
    await flood(200)
    await keepsNothing('shares', 1000, async (at) => {
      await post(path, {})
      await post('sys/generate-root/update', { key: 'ab'.repeat(33), nonce: `${at}` })
      await server.http.call('DELETE', `/v1/${path}`, undefined, nobody)
    })
  })
})
