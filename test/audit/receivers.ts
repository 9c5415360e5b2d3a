import { createSocket } from 'node:dgram'
import type { Socket as DatagramSocket } from 'node:dgram'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { Receiver } from '../contracts/audit-device.ts'
import type { Certificate } from '../support/certificate.ts'

/** Cuts what came so far into messages. */
export type Cut = (text: string) => readonly string[]

/** Lines that end in a line feed. */
export const byLine: Cut = (text) => text.split('\n').slice(0, -1)

/** Octet counting (RFC 6587 §3.4.1). Lengths count bytes, and so does this. */
export const byCount: Cut = (text) => {
  const messages: string[] = []
  let rest = Buffer.from(text)
  for (;;) {
    const length = Number(/^(\d+) /.exec(rest.toString('latin1', 0, 12))?.[1])
    const from = String(length).length + 1
    if (!(length > 0) || rest.length < from + length) return messages
    messages.push(rest.toString('utf8', from, from + length))
    rest = rest.subarray(from + length)
  }
}

/** Waits, turn by turn, until something is there. */
async function until<T>(look: () => T | undefined): Promise<T> {
  for (let end = performance.now() + 10_000; performance.now() < end;) {
    const found = look()
    if (found !== undefined) return found
    await new Promise((done) => setImmediate(done))
  }
  throw new Error('what was waited for did not come')
}

/** What stream servers and HTTP endpoints have in common: they count what they got, go away, come back, and hang. */
function receiver(
  server: {
    readonly up: () => boolean
    readonly begin: () => Promise<void>
    readonly leave: () => Promise<void>
    readonly hang: (yes: boolean) => void
  },
  options: Readonly<Record<string, string>>,
  got: { parts: Buffer[] },
  cut: Cut,
): Receiver {
  return {
    options,
    lines: async (count) =>
      until(() => {
        const lines = cut(Buffer.concat(got.parts).toString())
        return lines.length >= count ? lines : undefined
      }),
    leave: server.leave,
    comeBack: async () => {
      if (server.up()) await server.leave()
      server.hang(false)
      got.parts = []
      await server.begin()
    },
    hang: async () => server.hang(true),
    close: async () => (server.up() ? server.leave() : undefined),
  }
}

/** A stream server that keeps what it gets. `place` is a path, or undefined for a free port of 127.0.0.1. */
export async function streamReceiver(
  options: (address: string) => Readonly<Record<string, string>>,
  cut: Cut,
  { path, secure }: { readonly path?: string; readonly secure?: Certificate } = {},
): Promise<Receiver> {
  const got: { parts: Buffer[] } = { parts: [] }
  let hanging = false
  const sockets = new Set<Socket>()
  const connections = new Set<Socket>()
  const take = (socket: Socket): void => {
    sockets.add(socket.on('error', () => {}).on('close', () => sockets.delete(socket)))
    if (hanging) socket.pause()
    else socket.on('data', (part) => void got.parts.push(part))
  }
  let server: Server
  let place: string | number = path ?? 0
  const begin = async (): Promise<void> => {
    server = secure ? createTlsServer(secure, take) : createServer(take)
    // Node 24 does not end a connection whose TLS half is destroyed while it is paused.
    server.on('connection', (raw: Socket) => void connections.add(raw.on('close', () => connections.delete(raw))))
    await new Promise<void>((done) => {
      if (typeof place === 'string') server.listen(place, done)
      else server.listen(place, '127.0.0.1', done)
    })
    if (typeof place === 'number') place = (server.address() as AddressInfo).port
  }
  const leave = async (): Promise<void> => {
    for (const socket of [...sockets, ...connections]) socket.destroy()
    await new Promise((done) => server.close(done))
    // The other end is in this process: it has heard of it after a few turns.
    for (let turn = 0; turn < 10; turn++) await new Promise((done) => setImmediate(done))
  }
  const hang = (yes: boolean): void => {
    hanging = yes
    if (yes) for (const socket of sockets) socket.removeAllListeners('data').pause()
  }
  await begin()
  const address = typeof place === 'string' ? place : `127.0.0.1:${place}`
  return receiver({ up: () => server.listening, begin, leave, hang }, options(address), got, cut)
}

/** A UDP receiver: one message a datagram. */
export async function datagramReceiver(
  options: (address: string) => Readonly<Record<string, string>>,
): Promise<Receiver> {
  const messages: string[] = []
  const socket: DatagramSocket = createSocket('udp4')
  socket.on('message', (message) => void messages.push(message.toString()))
  await new Promise<void>((done) => socket.bind(0, '127.0.0.1', done))
  socket.setRecvBufferSize(4 * 1024 * 1024)
  const nothing = async (): Promise<void> => {}
  return {
    options: options(`127.0.0.1:${socket.address().port}`),
    lines: async (count) => until(() => (messages.length >= count ? messages : undefined)),
    leave: nothing,
    comeBack: nothing,
    close: async () => new Promise((done) => socket.close(() => done())),
  }
}

/** An HTTP endpoint: what it got, and what it answers. */
export interface Endpoint extends Receiver {
  readonly headers: Readonly<Record<string, unknown>>[]
  status: number
}

/** An endpoint that takes posts of lines. */
export async function endpoint(
  options: (uri: string) => Readonly<Record<string, string>>,
  secure?: Certificate,
): Promise<Endpoint> {
  const headers: Readonly<Record<string, unknown>>[] = []
  const scheme = secure ? 'https' : 'http'
  const got: { parts: Buffer[] } = { parts: [] }
  let hanging = false
  const make = () => {
    const made = secure ? createHttpsServer(secure) : createHttpServer()
    return made.on('request', (request, response) => {
      headers.push({ ...request.headers, method: request.method, url: request.url })
      const body: Buffer[] = []
      request.on('data', (part: Buffer) => void body.push(part))
      request.on('end', () => {
        if (hanging) return
        if (answering.status < 300) got.parts.push(...body)
        response.writeHead(answering.status, answering.status === 302 ? { location: '/elsewhere' } : {}).end('said\n')
      })
    })
  }
  let server: ReturnType<typeof make>
  let port = 0
  const begin = async (): Promise<void> => {
    server = make()
    await new Promise<void>((done) => server.listen(port, '127.0.0.1', () => done()))
    port = (server.address() as AddressInfo).port
  }
  const leave = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  }
  await begin()
  const hang = (yes: boolean): void => void (hanging = yes)
  const common = receiver(
    { up: () => server.listening, begin, leave, hang },
    options(`${scheme}://127.0.0.1:${port}/ingest?index=a`),
    got,
    byLine,
  )
  const answering: Endpoint = { ...common, headers, status: 204 }
  return answering
}
