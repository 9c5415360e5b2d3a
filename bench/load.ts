import { connect } from 'node:net'
import type { Socket } from 'node:net'

/**
 * A load generator that is cheap compared with the measured work: one request, written as it is over keep-alive connections,
 * the next when the answer is there. `%n` in it becomes the number of the connection, two digits, `%r` in its head a random number
 * below RANGE, another each time. Run as a process of its own:
 *
 *     node load.js PORT CONNECTIONS SECONDS RANGE < request
 *
 * It prints requests per second, the middle latency and the 99th percentile in milliseconds, as JSON. Any answer but a
 * 2xx ends it with an error.
 */
const [port, connections, seconds, range] = process.argv.slice(2).map(Number) as [number, number, number, number]
const parts: Buffer[] = []
for await (const part of process.stdin) parts.push(part as Buffer)
const request = Buffer.concat(parts).toString()
const latencies: number[] = []
const until = performance.now() + seconds * 1000

/** Where the answer that begins `text` ends, or -1 while it is not all there. */
function endOf(text: string): number {
  const blank = text.indexOf('\r\n\r\n')
  if (blank < 0) return -1
  if (!text.startsWith('HTTP/1.1 2')) throw new Error(`not a success: ${text.slice(0, 300)}`)
  if (text.startsWith('HTTP/1.1 204 ')) return blank + 4
  // OpenBao's way with larger answers. Nothing that is answered here has this in it.
  if (/\r\ntransfer-encoding: chunked/i.test(text.slice(0, blank))) {
    const last = text.indexOf('\r\n0\r\n\r\n', blank + 2)
    return last < 0 ? -1 : last + 7
  }
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(text.slice(0, blank))?.[1])
  if (Number.isNaN(length)) throw new Error('an answer without Content-Length')
  return text.length >= blank + 4 + length ? blank + 4 + length : -1
}

async function client(_: unknown, number: number): Promise<void> {
  const own = request.replaceAll('%n', String(number).padStart(2, '0'))
  const varies = own.includes('%r')
  const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await new Promise<void>((resolve, reject) => {
    let text = ''
    let begun = 0
    const next = (): void => {
      begun = performance.now()
      socket.write(varies ? own.replace('%r', String(Math.floor(Math.random() * range))) : own)
    }
    socket.setEncoding('latin1')
    socket.on('connect', next).on('error', reject)
    socket.on('data', (part: string) => {
      text += part
      const end = endOf(text)
      if (end < 0) return
      text = text.slice(end)
      latencies.push(performance.now() - begun)
      if (performance.now() < until) next()
      else socket.end(resolve)
    })
  })
}

await Promise.all(Array.from({ length: connections }, client))
latencies.sort((a, b) => a - b)
const at = (share: number) => latencies[Math.floor(latencies.length * share)] ?? NaN
console.log(JSON.stringify({ rate: latencies.length / seconds, p50: at(0.5), p99: at(0.99) }))
