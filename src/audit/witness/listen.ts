import { createServer as createPlain } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer as createSecure } from 'node:https'
import type { Log } from '../../util/log.ts'
import type { Witness, WitnessResponse } from './witness.ts'

/** Where a witness listens. */
interface WitnessListener {
  readonly host: string
  /** A free one is found for 0. */
  readonly port: number
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer }
}

const longest = 256 * 1024

/** Serves `POST /add-checkpoint` of a witness. Resolves when it listens. */
export async function listenAsWitness(
  witness: Witness,
  { host, port, tls }: WitnessListener,
  log: Log,
): Promise<Server> {
  const take = (request: IncomingMessage, response: ServerResponse): void => {
    responseTo(request, witness)
      .catch((thrown: unknown): WitnessResponse | undefined => {
        log.error('a submission failed', { reason: thrown instanceof Error ? thrown.message : '' })
        return undefined
      })
      .then((result) => {
        // After a failure, the response does not describe the log: the client tries again.
        if (!result) return response.writeHead(500).end()
        log.info('a checkpoint was submitted', { status: result.status })
        return response.writeHead(result.status, { 'content-type': result.type }).end(result.body)
      })
      .catch(() => request.destroy())
  }
  const server = tls ? createSecure({ ...tls, minVersion: 'TLSv1.2' }, take) : createPlain(take)
  server.headersTimeout = 10_000
  server.requestTimeout = 10_000
  server.maxHeadersCount = 50
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve))
  return server
}

async function responseTo(request: IncomingMessage, witness: Witness): Promise<WitnessResponse> {
  const nothing = { type: 'text/plain; charset=utf-8', body: 'POST add-checkpoint is all there is here\n' }
  if (request.method !== 'POST' || request.url !== '/add-checkpoint') return { status: 404, ...nothing }
  const parts: Buffer[] = []
  let length = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length
    if (length > longest) return { status: 400, ...nothing, body: 'this is too long for a submission\n' }
    parts.push(part)
  }
  return witness.add(Buffer.concat(parts).toString('utf8'))
}
