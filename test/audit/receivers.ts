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

/** A stream server that keeps what it gets. `place` is a path, or undefined for a free port of 127.0.0.1. */
export async function streamReceiver(
  options: (address: string) => Readonly<Record<string, string>>,
  cut: Cut,
  { path, secure }: { readonly path?: string; readonly secure?: Certificate } = {},
): Promise<Receiver> {
  let parts: Buffer[] = []
  let hanging = false
  const sockets = new Set<Socket>()
  const take = (socket: Socket): void => {
    sockets.add(socket.on('error', () => {}).on('close', () => sockets.delete(socket)))
    if (hanging) socket.pause()
    else socket.on('data', (part) => void parts.push(part as Buffer))
  }
  const make = (): Server => (secure ? createTlsServer(secure, take) : createServer(take))
  let server = make()
  const listen = async (where: string | number): Promise<void> =>
    new Promise((done) => {
      if (typeof where === 'string') server.listen(where, done)
      else server.listen(where, '127.0.0.1', done)
    })
  await listen(path ?? 0)
  const place = path ?? (server.address() as AddressInfo).port
  const leave = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    await new Promise((done) => server.close(done))
    // The other end must have heard of it.
    await new Promise((done) => setTimeout(done, 20))
  }
  return {
    options: options(typeof place === 'string' ? place : `127.0.0.1:${place}`),
    lines: async (count) =>
      until(() => {
        const lines = cut(Buffer.concat(parts).toString())
        return lines.length >= count ? lines : undefined
      }),
    leave,
    comeBack: async () => {
      if (server.listening) await leave()
      hanging = false
      parts = []
      server = make()
      await listen(place)
    },
    hang: async () => {
      hanging = true
      for (const socket of sockets) socket.removeAllListeners('data').pause()
    },
    close: async () => (server.listening ? leave() : undefined),
  }
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
  let hanging = false
  const make = () => {
    const server = secure ? createHttpsServer(secure) : createHttpServer()
    return server.on('request', (request, response) => {
      headers.push({ ...request.headers, method: request.method, url: request.url })
      const body: Buffer[] = []
      request.on('data', (part: Buffer) => void body.push(part))
      request.on('end', () => {
        if (hanging) return
        if (receiver.status < 300) parts.push(...body)
        response.writeHead(receiver.status, receiver.status === 302 ? { location: '/elsewhere' } : {}).end('said\n')
      })
    })
  }
  let parts: Buffer[] = []
  let server = make()
  const listen = async (port: number): Promise<void> => new Promise((done) => server.listen(port, '127.0.0.1', done))
  await listen(0)
  const { port } = server.address() as AddressInfo
  const leave = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  }
  const receiver: Endpoint = {
    headers,
    status: 204,
    options: options(`${scheme}://127.0.0.1:${port}/ingest?index=a`),
    lines: async (count) =>
      until(() => {
        const lines = byLine(Buffer.concat(parts).toString())
        return lines.length >= count ? lines : undefined
      }),
    leave,
    comeBack: async () => {
      if (server.listening) await leave()
      hanging = false
      parts = []
      server = make()
      await listen(port)
    },
    hang: async () => void (hanging = true),
    close: async () => (server.listening ? leave() : undefined),
  }
  return receiver
}
