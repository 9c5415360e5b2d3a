import { parseGoBool } from '../../../util/go-bool.ts'
import type { Command, Run, Serve } from '../../framework/command.ts'
import { devTls, devTlsFlags } from './dev-tls.ts'
import type { DevTls } from './dev-tls.ts'
import { logFlags, logging } from './log-options.ts'
import { quoted } from '../../http/dry-run.ts'
import { UsageError } from '../../framework/flags.ts'

type Running = Awaited<ReturnType<Serve>>

function banner({ address, storageType: storage, unsealKey = '', rootToken = '' }: Running, tls?: DevTls): string {
  const authority = tls ? `\n    $ export VAULT_CACERT=${quoted(tls.caFile)}` : ''
  return `==> strongroom server configuration:

             Api Address: ${address}
                 Storage: ${storage}

==> strongroom server started! Log data will stream in below:

WARNING! dev mode is enabled! Everything is kept in memory only, and the server starts unsealed
with a single key share. Never use it for real secrets.

    $ export VAULT_ADDR='${address}'${authority}

Unseal Key: ${unsealKey}
Root Token: ${rootToken}

Try:  strongroom kv put -mount=secret db password=first
      strongroom secrets enable transit
      strongroom write -f transit/keys/orders
      strongroom write transit/encrypt/orders plaintext=$(base64 <<< "my first secret")

`
}

async function server(run: Run): Promise<number> {
  const options = { ...whatToServe(run), ...logging(run), lockoutDisabled: lockoutDisabled(run) }
  const tls = await devTls(run.flags)
  try {
    return await serving(run, tls ? { ...options, dev: { ...options.dev, tls } } : options, tls)
  } finally {
    tls?.remove()
  }
}

async function serving(run: Run, options: Options, tls: DevTls | undefined): Promise<number> {
  // Before anybody can know that it is up.
  const signals = new Signals()
  const running = await run.serve(options).catch((thrown: unknown) => {
    signals.forget()
    throw thrown
  })
  signals.reload = async () => running.reload()
  if (options.dev) {
    run.out(banner(running, tls))
    if (!run.flags.bool('dev-no-store-token')) keepRootToken(run, running.rootToken ?? '')
  } else if (running.logFormat === 'standard') {
    run.out(`==> strongroom listens on ${running.addresses.join(' and ')}; ${nextOf(running)}\n`)
  }
  await signals.stop
  await running.stop()
  return 0
}

function nextOf({ hasSeal, isInitialised }: Running): string {
  if (!isInitialised) return 'it is not initialised yet (strongroom operator init)'
  return hasSeal
    ? 'its seal unseals it'
    : 'it is sealed until enough key shares are submitted (strongroom operator unseal)'
}

/** A running server continues, even if its token cannot be stored. */
function keepRootToken(run: Run, token: string): void {
  try {
    run.environment.keepToken(token)
  } catch (thrown) {
    if (!(thrown instanceof UsageError)) throw thrown
    run.err(`${thrown.message}\n  next: export VAULT_TOKEN with the root token shown above`)
  }
}

type Options = Parameters<Serve>[0]

const plainFlag = 'dev-unsafe-allow-tls-disable-on-network'

/** @throws UsageError unless it is either a development server or a configured one */
function whatToServe({ flags, environment }: Run): Pick<Options, 'dev' | 'config'> {
  const [id, address] = [flags.string('dev-root-token-id'), flags.string('dev-listen-address')]
  const dev = flags.bool('dev') || flags.bool('dev-tls') || id !== undefined || address !== undefined
  if (dev === flags.has('config'))
    throw new UsageError(
      dev
        ? '-dev and -config exclude each other: a development server reads no configuration'
        : 'give a configuration with -config=FILE, or -dev for a development server',
    )
  const plainOnNetwork = flags.bool(plainFlag)
  if (plainOnNetwork && !dev)
    throw new UsageError(
      `-${plainFlag} is for -dev: in a configuration it is unsafe_allow_tls_disable_on_network = true`,
    )
  if (!dev) return { config: flags.strings('config') }
  // These variables alone do not turn a configured server into a development server.
  const rootTokenId = id ?? environment.setting('DEV_ROOT_TOKEN_ID')
  const listenAddress = address ?? environment.setting('DEV_LISTEN_ADDRESS')
  return { dev: { ...(rootTokenId && { rootTokenId }), ...(listenAddress && { listenAddress }), plainOnNetwork } }
}

/** VAULT_DISABLE_USER_LOCKOUT. @throws UsageError when it is neither true nor false */
function lockoutDisabled({ environment }: Run): boolean {
  const found = environment.found('DISABLE_USER_LOCKOUT')
  const value = found === undefined || found.value === '' ? false : parseGoBool(found.value)
  if (value === undefined) throw new UsageError(`${found?.variable} is true or false, or not set`)
  return value
}

/** The signals to a server: SIGTERM or SIGINT stops it, SIGHUP reloads. */
class Signals {
  /** Fulfilled when it is to stop. */
  readonly stop: Promise<void>
  reload: () => Promise<unknown> = async () => {}
  #stopped: () => void = () => {}
  // The log tells what was reloaded, and what failed.
  readonly #hangup = (): void => void this.reload().catch(() => {})

  constructor() {
    this.stop = new Promise((resolve) => (this.#stopped = resolve))
    process.once('SIGTERM', this.#stopped).once('SIGINT', this.#stopped).on('SIGHUP', this.#hangup)
  }

  forget(): void {
    process.off('SIGTERM', this.#stopped).off('SIGINT', this.#stopped).off('SIGHUP', this.#hangup)
  }
}

/** `server`. */
export const serverCommands: readonly Command[] = [
  {
    name: 'server',
    about: 'Start a server',
    args: [0, 0],
    offline: true,
    flags: {
      config: { kind: 'strings', about: 'A configuration file or folder; can be repeated.' },
      dev: { kind: 'bool', about: 'Start a development server: in memory, unsealed, not for real secrets.' },
      'dev-root-token-id': {
        kind: 'string',
        about: 'The root token of the development server (VAULT_DEV_ROOT_TOKEN_ID).',
      },
      'dev-listen-address': {
        kind: 'string',
        about: 'The address of the development server (VAULT_DEV_LISTEN_ADDRESS; default 127.0.0.1:8200).',
      },
      ...devTlsFlags,
      [plainFlag]: { kind: 'bool', about: 'Allow plain HTTP on an address that other machines can reach.' },
      'dev-no-store-token': { kind: 'bool', about: 'Do not store the root token in ~/.vault-token.' },
      ...logFlags,
    },
    run: server,
  },
]
