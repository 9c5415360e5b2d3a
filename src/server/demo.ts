import { Environment } from '../cli/framework/env.ts'
import { startServer } from './start.ts'

/**
 * The first minute: starts a development server, encrypts and decrypts a message, and prints the next steps. With
 * STRONGROOM_ONCE set it stops then; otherwise it continues to serve.
 */
const listenAddress = new Environment(process.env).setting('DEV_LISTEN_ADDRESS') || '127.0.0.1:8200'
const out = (text: string): void => void process.stdout.write(text)

async function start(): Promise<Awaited<ReturnType<typeof startServer>>> {
  try {
    return await startServer({ dev: { rootTokenId: 'root', listenAddress } })
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : 'unknown'
    if (!why.includes('another program listens')) {
      process.stderr.write(`${why}\n`)
      process.exit(1)
    }
    return startServer({ dev: { rootTokenId: 'root', listenAddress: '127.0.0.1:0' } })
  }
}

const server = await start()

async function call(path: string, body: unknown): Promise<Readonly<Record<string, string>>> {
  const response = await fetch(`${server.address}/v1/${path}`, {
    method: 'POST',
    headers: { 'X-Vault-Token': 'root' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  const text = await response.text()
  return text === '' ? {} : ((JSON.parse(text) as { readonly data: Readonly<Record<string, string>> }).data ?? {})
}

const message = 'strongroom keeps this'
await call('sys/mounts/transit', { type: 'transit' })
await call('transit/keys/first', {})
const { ciphertext = '' } = await call('transit/encrypt/first', { plaintext: Buffer.from(message).toString('base64') })
const { plaintext = '' } = await call('transit/decrypt/first', { ciphertext })
const back = Buffer.from(plaintext, 'base64').toString()
if (back !== message) throw new Error('the message did not come back')
// The server is left as it started.
const removed = await fetch(`${server.address}/v1/sys/mounts/transit`, {
  method: 'DELETE',
  headers: { 'X-Vault-Token': 'root' },
})
if (!removed.ok) throw new Error(`sys/mounts/transit: ${removed.status}`)

out(`
strongroom is running at ${server.address} (development: in memory, open, root token "root")

  message     ${message}
  encrypted   ${ciphertext}
  decrypted   ${back}

Try next, in another terminal:

  export VAULT_ADDR=${server.address} VAULT_TOKEN=root
  alias strongroom="node $PWD/dist/main.js"
  strongroom status
  strongroom kv put -mount=secret db password=first
  strongroom secrets enable transit
  strongroom write -f transit/keys/orders
  strongroom write transit/encrypt/orders plaintext=$(printf hello | base64)
  curl -H 'X-Vault-Token: root' $VAULT_ADDR/v1/transit/keys/orders

For real secrets: README.md, "Production".
`)
const end = (): void => void server.stop().then(() => process.exit(0))
if (process.env['STRONGROOM_ONCE']) await server.stop()
else for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, end)
