import { once } from 'node:events'
import { request } from 'node:http'
import type { Reply, TestServer } from '../server.ts'

const route = '/v1/sys/storage/raft/snapshot'

/** A snapshot of a server, as a file. */
export async function saved(server: TestServer, token = server.token): Promise<Buffer> {
  const { status, bytes } = await download(server, token)
  if (status !== 200) throw new Error(`saving a snapshot: ${status} ${bytes.toString()}`)
  return bytes
}

/** The response to the request for a snapshot, and all of it that came. */
export async function download(
  server: TestServer,
  token = server.token,
): Promise<{ readonly status: number; readonly bytes: Buffer }> {
  // prettier-ignore
  const answer = await fetch(`${server.running.address}${route}`, { headers: { 'X-Vault-Token': token } })
  return { status: answer.status, bytes: Buffer.from(await answer.arrayBuffer()) }
}

/** Sends a file to a path behind that of snapshots (`-force`, `-verify`, `?revoke_tokens=true`), piece by piece. */
export async function upload(
  server: TestServer,
  file: Uint8Array | AsyncIterable<Uint8Array>,
  more = '',
  token = server.token,
): Promise<Reply> {
  const url = new URL(`${server.running.address}${route}${more}`)
  const sent = request(url, { method: 'POST', headers: { 'X-Vault-Token': token } })
  let isAnswered = false
  const answered = once(sent, 'response').finally(() => (isAnswered = true))
  answered.catch(() => {})
  sent.on('error', () => {})
  if (Symbol.asyncIterator in file) {
    for await (const part of file) {
      if (!sent.write(part)) await Promise.race([once(sent, 'drain'), answered])
      if (isAnswered) break
    }
    if (!isAnswered) sent.end()
  } else sent.end(file)
  const [message] = (await answered) as [AsyncIterable<Buffer> & { statusCode: number; headers: Reply['headers'] }]
  const parts: Buffer[] = []
  for await (const part of message) parts.push(part)
  if (!sent.writableEnded) sent.destroy()
  const text = Buffer.concat(parts).toString()
  const body = text.startsWith('{') ? (JSON.parse(text) as Reply['body']) : {}
  return { status: message.statusCode, body, text, headers: message.headers }
}

/** Submits the last share again with the code that accepts a log that is newer than the storage, or not there. */
export async function unsealRestored(server: TestServer, shares = server.shares): Promise<string> {
  const [first, second] = shares
  await server.call('PUT', '/v1/sys/unseal', { key: first })
  const refused = await server.call('PUT', '/v1/sys/unseal', { key: second })
  const [, code] = /-accept-audit-log=([0-9a-f]+)/.exec(refused.text) ?? []
  if (code === undefined) return refused.text
  await server.call('PUT', '/v1/sys/unseal', { key: first })
  return (await server.call('PUT', '/v1/sys/unseal', { key: second, accept_audit_log: code })).text
}
