import type { Command, Run } from './command.ts'
import { UsageError } from './flags.ts'

function banner(address: string, storage: string, unsealKey: string, rootToken: string): string {
  return `==> strongroom server configuration:

             Api Address: ${address}
                 Storage: ${storage}

==> strongroom server started! Log data will stream in below:

WARNING! dev mode is enabled! Everything is kept in memory only, and the server starts unsealed
with a single key share. Never use it for real secrets.

    $ export VAULT_ADDR='${address}'

Unseal Key: ${unsealKey}
Root Token: ${rootToken}

Try:  strongroom secrets enable transit
      strongroom write -f transit/keys/orders
      strongroom write transit/encrypt/orders plaintext=$(base64 <<< "my first secret")

`
}

async function server(run: Run): Promise<number> {
  const { flags } = run
  const dev = flags.bool('dev') || flags.has('dev-root-token-id') || flags.has('dev-listen-address')
  if (!dev && !flags.has('config'))
    throw new UsageError('give the configuration with -config=FILE, or -dev for a server to try things with')
  const [rootTokenId, listenAddress, logFormat] = [
    flags.text('dev-root-token-id'),
    flags.text('dev-listen-address'),
    flags.text('log-format'),
  ]
  const running = await run.serve({
    ...(dev
      ? { dev: { ...(rootTokenId && { rootTokenId }), ...(listenAddress && { listenAddress }) } }
      : { config: flags.texts('config') }),
    ...(logFormat === 'json' && { logFormat: 'json' as const }),
  })
  if (dev) {
    run.out(banner(running.address, running.storageType, running.unsealKey ?? '', running.rootToken ?? ''))
    if (!flags.bool('dev-no-store-token')) run.environment.keepToken(running.rootToken ?? '')
  } else
    run.out(
      `==> strongroom listens on ${running.address}; it is sealed until enough key shares were given (strongroom operator unseal)\n`,
    )
  return untilStopped(running)
}

/** Runs until SIGTERM or SIGINT; SIGHUP reloads. */
async function untilStopped(running: { reload(): Promise<void>; stop(): Promise<void> }): Promise<number> {
  process.on(
    'SIGHUP',
    () => void running.reload().catch(() => process.stderr.write('reloading failed; the old state stays in use\n')),
  )
  // Node opens a debugger on this signal unless someone listens.
  process.on('SIGUSR1', () => {})
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', () => resolve())
    process.once('SIGINT', () => resolve())
  })
  await running.stop()
  return 0
}

/** `server`. */
export const serverCommands: readonly Command[] = [
  {
    name: 'server',
    about: 'Start a server',
    args: [0, 0],
    offline: true,
    flags: {
      config: { kind: 'texts', about: 'A configuration file or folder; can be repeated.' },
      dev: { kind: 'bool', about: 'A server in memory, open at once, for trying things.' },
      'dev-root-token-id': { kind: 'text', about: 'Its root token.' },
      'dev-listen-address': { kind: 'text', about: 'Its address; 127.0.0.1:8200.' },
      'dev-no-store-token': { kind: 'bool', about: 'Do not keep its root token in ~/.vault-token.' },
      'log-level': { kind: 'text', about: 'Accepted.' },
      'log-format': { kind: 'text', about: 'standard or json.' },
    },
    run: server,
  },
]
