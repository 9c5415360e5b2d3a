import type { IncomingMessage } from 'node:http'
import { Fault } from '../../contract/fault.ts'
import { BodyMemory } from './body-memory.ts'
import type { BodyReader } from './body-memory.ts'

/** One for the process: its memory is one, too. */
const room = new BodyMemory()
/** Large bodies that are worked on. */
const kept = new WeakMap<IncomingMessage, BodyReader>()

/**
 * The whole body of a request, at most `limit` bytes.
 * @throws Fault too_large (at the first byte over the limit), unsupported_media for a compressed body, invalid_request when it is cut off.
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
      // What comes yet is not kept, nor is what came.
      parts.length = 0
      message.removeAllListeners('data')
      message.resume()
      room.leave(reader)
      reject(fault)
    }
    const reader = {
      pause: () => void message.pause(),
      resume: () => void message.resume(),
      refuse: () => refused(new Fault('unavailable', 'the request came too slowly while others waited; send it again')),
    }
    message.on('data', (part: Buffer) => {
      size += part.length
      if (size > limit) return refused(tooLarge(limit))
      parts.push(part)
      room.take(reader, part.length)
    })
    message.on('end', () => {
      if (room.keep(reader)) kept.set(message, reader)
      resolve(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts))
    })
    for (const broken of ['error', 'aborted', 'close'])
      message.on(broken, () => {
        if (!kept.has(message)) room.leave(reader)
        reject(new Fault('invalid_request', 'the request was cut off'))
      })
  })
}

/** A request is answered: others may have the room of its body. Whoever calls `readBody` calls this once it is done. */
export function doneWithBody(message: IncomingMessage): void {
  const reader = kept.get(message)
  if (!reader) return
  kept.delete(message)
  room.leave(reader)
}

function tooLarge(limit: number): Fault {
  return new Fault(
    'too_large',
    `http: request body too large: at most ${limit} bytes (max_request_size in the configuration)`,
  )
}
