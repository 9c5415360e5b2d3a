import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { Fault } from '../../contract/fault.ts'

/** Connections on which a file of any length arrives: the time for a whole request does not count for them. */
const uploading = new WeakSet<Duplex>()
/** Requests whose body ended before it was read as a file. */
const broken = new WeakSet<IncomingMessage>()
/** Milliseconds without a byte until an upload is given up. */
const idleMs = 90_000
/** Bytes per second that an upload has to bring on average, beyond that time: others wait for its end. */
export const slowestUpload = 16 * 1024
/** How long the unread rest of an upload is taken from a client that does not notice the response. */
const drainMs = 10_000

/** Whether a file is arriving on a connection. */
export const isUploading = (socket: Duplex): boolean => uploading.has(socket)

/** The rest of the body of this request will not arrive: a file that is read from now on is cut off. */
export const markBroken = (message: IncomingMessage): void => void broken.add(message)

/**
 * How long to wait for the next bytes of an upload, in milliseconds.
 * @param received bytes so far
 * @param waited milliseconds so far that were spent waiting for the client; the time that the server took does not count
 */
export function patienceLeft(received: number, waited: number): number {
  return Math.max(0, Math.min(idleMs, idleMs + (received / slowestUpload) * 1000 - waited))
}

/**
 * The body of a request in pieces, as they come. No more is read than is asked for.
 * @throws Fault invalid_request when it is cut off, unsupported_media for one that is compressed on the way
 */
export async function* uploadOf(message: IncomingMessage): AsyncGenerator<Uint8Array> {
  const { 'content-encoding': encoding, 'transfer-encoding': coding } = message.headers
  if (encoding !== undefined && encoding !== 'identity')
    throw new Fault('unsupported_media', 'compressed request bodies are not accepted')
  if (coding !== undefined && coding.toLowerCase() !== 'chunked')
    throw new Fault('unsupported_media', 'of transfer codings, only "chunked" is accepted')
  if (broken.has(message)) throw new Fault('invalid_request', 'the request was cut off')
  const { socket } = message
  uploading.add(socket)
  let timer: NodeJS.Timeout | undefined
  let [received, waited, since] = [0, 0, 0]
  const wait = (): void => {
    since = performance.now()
    timer = setTimeout(() => message.destroy(), patienceLeft(received, waited))
  }
  try {
    wait()
    for await (const part of message.iterator({ destroyOnReturn: false })) {
      clearTimeout(timer)
      waited += performance.now() - since
      received += (part as Buffer).length
      yield part as Buffer
      wait()
    }
  } catch (cause) {
    throw new Fault('invalid_request', 'the request was cut off', { cause })
  } finally {
    clearTimeout(timer)
    uploading.delete(socket)
    if (!message.complete && !socket.destroyed) drainRest(message)
  }
}

/** The response goes out while the client may still be sending. */
function drainRest(message: IncomingMessage): void {
  const { socket } = message
  message.on('error', () => {})
  message.resume()
  const enough = setTimeout(() => socket.destroy(), drainMs)
  message.once('end', () => clearTimeout(enough))
  socket.once('close', () => clearTimeout(enough))
}
