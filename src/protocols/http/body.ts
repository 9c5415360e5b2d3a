import type { IncomingMessage, ServerResponse } from 'node:http'
import { Fault } from '../../contract/fault.ts'
import { BodyMemory } from './body-memory.ts'
import type { MemoryHolder } from './body-memory.ts'

/** One for the process: its memory is one, too. */
const memory = new BodyMemory()
/** Large requests that are handled, or whose response is being sent. */
const holders = new WeakMap<IncomingMessage, MemoryHolder>()
/** Smaller responses are not counted until they have left. */
const smallResponse = 64 * 1024

/**
 * The whole body of a request, at most `limit` bytes. A large one counts as memory until `releaseWith` releases it.
 * @throws Fault too_large (at the first byte over the limit), unsupported_media for a compressed body, unavailable when
 * there is no memory for it, invalid_request when it is cut off.
 */
export function readBody(message: IncomingMessage, limit: number): Promise<Uint8Array> {
  const encoding = message.headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity') {
    message.resume()
    return Promise.reject(new Fault('unsupported_media', 'compressed request bodies are not accepted'))
  }
  const coding = message.headers['transfer-encoding']
  if (coding !== undefined && coding.toLowerCase() !== 'chunked')
    return Promise.reject(new Fault('unsupported_media', 'of transfer codings, only "chunked" is accepted'))
  const declared = Number(message.headers['content-length'] ?? 0)
  if (declared > limit) return Promise.reject(tooLarge(limit))
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    let size = 0
    const refused = (fault: Fault): void => {
      stopListening()
      // Neither the received bytes are kept, nor further ones.
      message.on('error', ignored)
      message.resume()
      memory.leave(holder)
      reject(fault)
    }
    const holder = {
      pause: () => void message.pause(),
      resume: () => void message.resume(),
      refuse: () => refused(busy()),
    }
    const take = (part: Buffer): void => {
      size += part.length
      if (size > limit) return refused(tooLarge(limit))
      parts.push(part)
      memory.take(holder, part.length)
    }
    const end = (): void => {
      stopListening()
      if (memory.work(holder)) holders.set(message, holder)
      resolve(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts))
    }
    const broken = (): void => refused(new Fault('invalid_request', 'the request was cut off'))
    const listeners = { data: take, end, error: broken, aborted: broken, close: broken }
    // A message lives until its response was sent; its listeners would keep the body as long.
    const stopListening = (): void => {
      for (const [event, listener] of Object.entries(listeners)) message.off(event, listener)
    }
    for (const [event, listener] of Object.entries(listeners)) message.on(event, listener)
  })
}

/**
 * Waits until there is memory for a response of about so many bytes, if it is large and its request holds none yet.
 * Undefined if there is some. @throws Fault unavailable if too many wait already, or the client has disconnected
 */
export function memoryForResponse(message: IncomingMessage, bytes: number): Promise<void> | undefined {
  if (bytes <= smallResponse || holders.has(message)) return undefined
  const { socket } = message
  let isReading = true
  let giveUp = ignored
  const free = new Promise<void>((resolve, reject) => {
    giveUp = () => {
      holders.delete(message)
      memory.leave(holder)
      reject(busy())
    }
    const resume = (): void => {
      memory.work(holder)
      resolve()
    }
    const holder = { pause: () => void (isReading = false), resume, refuse: giveUp }
    holders.set(message, holder)
    memory.take(holder, bytes)
    if (isReading) resume()
  })
  socket.once('close', giveUp)
  return free.finally(() => socket.off('close', giveUp))
}

/**
 * A request has its response: its memory is released when the response was sent, or the client has disconnected. `bytes` is its
 * size.
 */
export function releaseWith(response: ServerResponse, bytes: () => number): void {
  const message = response.req
  const holder = holders.get(message)
  if (!holder) return
  const { socket } = message
  const release = (): void => {
    socket.off('close', release)
    response.off('close', release)
    holders.delete(message)
    memory.leave(holder)
  }
  if (response.writableFinished || response.destroyed || socket.destroyed) return release()
  socket.once('close', release)
  response.once('close', release)
  holder.refuse = () => void socket.destroy()
  memory.respond(holder, bytes())
}

function ignored(): void {}

function busy(): Fault {
  const message =
    'too many large requests are under way, or this one came too slowly: nothing was changed, send it again'
  return new Fault('unavailable', message, { headers: { 'Retry-After': '1' } })
}

function tooLarge(limit: number): Fault {
  return new Fault(
    'too_large',
    `http: request body too large: at most ${limit} bytes (max_request_size in the configuration)`,
  )
}
