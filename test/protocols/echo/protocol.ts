import { randomUUID } from 'node:crypto'
import { createServer } from 'node:net'
import type { Socket } from 'node:net'
import { asFault, refuse } from '../../../src/contract/fault.ts'
import type { Gateway, HttpExchange, HttpResponse, Listener, Protocol } from '../../../src/contract/protocol.ts'
import { apiPath } from '../../../src/contract/request.ts'
import type { ApiPath, Request } from '../../../src/contract/request.ts'
import { listenAt } from '../../../src/protocols/http/addresses.ts'
import { Secret } from '../../../src/util/secret.ts'

/** A message of the wire: an operation on a path, by a token. */
interface Message {
  readonly do: Request['operation']
  readonly path: string
  readonly token?: string
  readonly data?: Request['data']
}
type Head = Omit<Request, 'data'>
type Reply = Readonly<Record<string, unknown>>

const operations: readonly string[] = ['read', 'list', 'write', 'delete'] satisfies Request['operation'][]
/** The path of a message that has none, or an unreadable one. */
const noPath = apiPath('') as ApiPath
/** The most bytes of a message. */
const longest = 64 * 1024

/**
 * A protocol for tests: one JSON message asks, another one answers. As lines on a TCP listener of its own, and as the body of
 * any HTTP message to the host `echo.test`, or whose path is `/echo`.
 */
export function echoProtocol(gateway: Gateway): Protocol {
  const http = async (exchange: HttpExchange): Promise<HttpResponse> => {
    const bytes = async (): Promise<Uint8Array> => {
      exchange.check()
      return exchange.body()
    }
    const reply = await replyTo(gateway, bytes, exchange.peer(), exchange.headers)
    return { status: 'error' in reply ? 418 : 200, body: JSON.stringify(reply) }
  }
  return {
    name: 'echo',
    singleHeaders: ['x-echo'],
    http: ({ target, headers }) => (target === '/echo' || headers.host === 'echo.test' ? http : undefined),
    listen: async () => listen(gateway),
  }
}

/** Turns a message into a Request, and its response into a reply. */
async function replyTo(
  gateway: Gateway,
  bytes: () => Promise<Uint8Array>,
  client: Request['client'],
  headers: Request['headers'] = {},
): Promise<Reply> {
  const id = randomUUID()
  const base = { id, protocol: 'echo', namespace: '', client, headers, credential: { kind: 'none' } as const }
  try {
    const message = await bytes()
      .then(messageOf)
      .catch(async (thrown: unknown) => unreadable(gateway, base, thrown))
    const { token, data = {} } = message
    const path = apiPath(message.path)
    const head: Head = {
      ...base,
      operation: message.do,
      path: path ?? noPath,
      ...(token !== undefined && { credential: { kind: 'token', token: new Secret(token) } }),
    }
    const request = await gateway.admit(head)
    if (path === undefined) return await request.refuse(refuse('the path cannot be read'))
    const response = await request.handle({ data })
    return { id, ok: response.data ?? response.plain ?? null }
  } catch (thrown) {
    const { code, message } = asFault(thrown)
    return { id, error: code, why: message }
  }
}

/** The audit log has it all the same. */
async function unreadable(gateway: Gateway, base: Omit<Head, 'operation' | 'path'>, thrown: unknown): Promise<never> {
  const head: Head = { ...base, operation: 'read', path: noPath }
  const request = await gateway.admit(head)
  return request.refuse(asFault(thrown))
}

function messageOf(bytes: Uint8Array): Message {
  let message: unknown
  try {
    message = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    throw refuse('a message is JSON')
  }
  const { do: operation, path, token = '', data = {} } = (message ?? {}) as Readonly<Record<string, unknown>>
  const isMessage =
    typeof operation === 'string' &&
    operations.includes(operation) &&
    typeof path === 'string' &&
    typeof token === 'string' &&
    typeof data === 'object' &&
    data !== null
  if (!isMessage) throw refuse('a message has "do" and "path"')
  return { do: operation as Message['do'], path, ...(token !== '' && { token }), data: data as Request['data'] }
}

async function listen(gateway: Gateway): Promise<Listener> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    void serve(gateway, socket)
  })
  return {
    address: await listenAt(server, { host: '127.0.0.1', port: 0, setting: 'echo' }),
    reload: async () => {},
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.end()
      await closed
    },
  }
}

/** One line after another: the next one is read when the one before is answered. */
async function serve(gateway: Gateway, socket: Socket): Promise<void> {
  const { remoteAddress: address = '', remotePort: port = 0 } = socket
  let rest = Buffer.alloc(0)
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    rest = Buffer.concat([rest, chunk])
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      const line = rest.subarray(0, end)
      rest = rest.subarray(end + 1)
      socket.write(`${JSON.stringify(await replyTo(gateway, async () => line, { address, port }))}\n`)
    }
    if (rest.length > longest) return void socket.destroy()
  }
}
