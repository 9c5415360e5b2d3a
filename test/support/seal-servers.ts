import { startServer } from '../../src/server/start.ts'
import type { ServerOptions } from '../../src/server/start.ts'
import { sealedConfig } from './seals.ts'
import { TestServer, devServer } from './server.ts'
import type { Body, Reply } from './server.ts'

/** The servers of the test that runs. */
export const started: TestServer[] = []

/** A server on the LevelDB of a folder, or on another storage, with these seal blocks; its log lines are added to `log`. */
export async function serve(
  folder: string,
  seals: string,
  log: string[] = [],
  more: Pick<ServerOptions, 'clock' | 'storage'> = {},
): Promise<TestServer> {
  const config = sealedConfig(folder, seals)
  const running = await startServer({ config: [config], log: (line) => void log.push(line), ...more })
  const server = new TestServer(running, folder, config)
  started.push(server)
  return server
}

/** Stops one of them. */
export async function stop(server: TestServer): Promise<void> {
  started.splice(started.indexOf(server), 1)
  await server.running.stop()
}

/** Waits until a server is unsealed, ten seconds at most. @returns its status */
export async function ready(server: TestServer): Promise<Body> {
  for (const deadline = performance.now() + 10_000; performance.now() < deadline;) {
    const body = await status(server)
    if (body['sealed'] === false) return body
    await new Promise(setImmediate)
  }
  throw new Error('the server stays sealed')
}

export const status = async (server: TestServer): Promise<Body> =>
  (await server.call('GET', '/v1/sys/seal-status')).body
/** Status and first error of a response. */
export const errorOf = ({ status: code, body }: Reply): string =>
  `${code} ${String((body['errors'] as string[] | undefined)?.[0])}`

/** Initialises with three shares, of which two are needed. @param family `secret` for key shares. @returns the shares */
export async function initialise(server: TestServer, family = 'recovery'): Promise<string[]> {
  const counts = { [`${family}_shares`]: 3, [`${family}_threshold`]: 2 }
  const { body } = await server.call('PUT', '/v1/sys/init', counts)
  server.token = String(body['root_token'])
  return body[family === 'recovery' ? 'recovery_keys' : 'keys'] as string[]
}

/** Submits two shares for the unseal. @returns the response to the second */
export async function give(server: TestServer, shares: readonly string[], more: Body = {}): Promise<Reply> {
  await server.call('PUT', '/v1/sys/unseal', { key: shares[0], ...more })
  return server.call('PUT', '/v1/sys/unseal', { key: shares[1], ...more })
}

/** A secret that shows whether the data is there. */
export async function writeSecret(server: TestServer): Promise<void> {
  await server.call('POST', '/v1/sys/mounts/secret', { type: 'kv' })
  await server.call('PUT', '/v1/secret/a', { a: '1' })
}

export const secretOf = async (server: TestServer, token: string): Promise<unknown> =>
  (await server.call('GET', '/v1/secret/a', undefined, { 'X-Vault-Token': token })).body['data']

/** The server of another folder with a transit key, and a token that may only use it. */
export async function keyServer(): Promise<{ server: TestServer; block: (more?: string) => string }> {
  const server = await devServer()
  started.push(server)
  await server.call('POST', '/v1/sys/mounts/transit', { type: 'transit' })
  await server.call('POST', '/v1/transit/keys/unseal', {})
  const token = await server.tokenWith('path "transit/+/unseal" { capabilities = ["update"] }\npath "auth/token/renew-self" { capabilities = ["update"] }') // prettier-ignore
  const address = server.running.address
  return { server, block: (more = '') => `seal "transit" {\n address = "${address}"\n token = "${token}"\n key_name = "unseal"\n ${more}\n}` } // prettier-ignore
}

/** For `afterEach`. */
export async function stopAll(): Promise<void> {
  for (const server of started.splice(0)) await server.running.stop()
}
