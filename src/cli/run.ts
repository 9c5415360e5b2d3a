import { product } from '../util/version.ts'
import { auditCommands } from './audit.ts'
import { Client, ServerError } from './client.ts'
import type { Target } from './client.ts'
import type { Command, Run, Serve } from './command.ts'
import { currentToken, setting } from './env.ts'
import { Flags, UsageError, parseFlags } from './flags.ts'
import type { FlagTable } from './flags.ts'
import { genericCommands } from './generic.ts'
import { loginCommands } from './login.ts'
import { mountCommands } from './mounts.ts'
import { operatorCommands } from './operator.ts'
import { formatOf } from './output.ts'
import { policyCommands } from './policy.ts'
import { serverCommands } from './server.ts'
import { statusCommands } from './status.ts'
import { tokenCommands } from './token.ts'

const versionCommand: Command = {
  name: 'version',
  about: 'Print the version',
  args: [0, 0],
  run: async (run) => {
    run.out(`${product.name} v${product.release} (API level ${product.version})\n`)
    return 0
  },
}

/** Every command. Help, usage and dispatch all read this table. */
export const commands: readonly Command[] = [
  ...serverCommands,
  ...statusCommands,
  ...operatorCommands,
  ...loginCommands,
  ...genericCommands,
  ...policyCommands,
  ...tokenCommands,
  ...mountCommands,
  ...auditCommands,
  versionCommand,
]

/** Flags that every command takes. */
const common: FlagTable = {
  address: { kind: 'text', about: 'Address of the server (VAULT_ADDR).' },
  'agent-address': { kind: 'text', about: 'Address of an agent.' },
  'ca-cert': { kind: 'text', about: 'Authority of its certificate (VAULT_CACERT).' },
  'ca-path': { kind: 'text', about: 'Folder of authorities.' },
  'client-cert': { kind: 'text', about: 'Certificate to show.' },
  'client-key': { kind: 'text', about: 'Its key.' },
  'tls-server-name': { kind: 'text', about: 'Name to expect in the certificate.' },
  'tls-skip-verify': { kind: 'bool', about: 'Do not check the certificate.' },
  namespace: { kind: 'text', about: 'Namespace (VAULT_NAMESPACE).' },
  ns: { kind: 'text', about: 'The same.' },
  'wrap-ttl': { kind: 'duration', about: 'Wrap the answer.' },
  header: { kind: 'pairs', about: 'A further header, name=value.' },
  'non-interactive': { kind: 'bool', about: 'Never ask.' },
  format: { kind: 'text', about: 'table, json, yaml or raw (VAULT_FORMAT).' },
  field: { kind: 'text', about: 'Print only this field.' },
  detailed: { kind: 'bool', about: 'Show more.' },
  help: { kind: 'bool', about: 'This text.' },
  h: { kind: 'bool', about: 'This text.' },
}

/** Where output goes and what a server is started with. */
export interface Surroundings {
  out(text: string): void
  err(text: string): void
  stdin(): Promise<string>
  readonly serve: Serve
}

/** Runs one command line. @returns the exit status: 0 done, 1 wrong here, 2 refused by the server, 127 no such command. */
export async function run(argv: readonly string[], around: Surroundings): Promise<number> {
  const found = commandOf(argv)
  if (!found.command) return unknown(argv, found.group, around)
  const { command, rest } = found
  try {
    const { flags, rest: args } = parseFlags(rest, { ...common, ...command.flags })
    if (flags.bool('help') || flags.bool('h')) {
      around.out(usage(command))
      return 0
    }
    const [fewest, most] = command.args
    if (args.length < fewest) throw new UsageError(`Not enough arguments (expected ${fewest}, got ${args.length})`)
    if (args.length > most) throw new UsageError(`Too many arguments (expected ${most}, got ${args.length})`)
    const format = formatOf(flags.text('format') ?? setting('FORMAT'))
    if (format === 'raw' && command.name !== 'read') throw new UsageError('the format raw is for read only')
    const err = (text: string): void => around.err(`${text}\n`)
    const running: Run = { ...around, err, args, flags, format, client: new Client(target(flags)) }
    return await command.run(running)
  } catch (thrown) {
    if (thrown instanceof UsageError) around.err(`${thrown.message}\n`)
    else if (thrown instanceof ServerError) around.err(`Error with ${command.name}: ${thrown.message}\n`)
    else throw thrown
    return thrown instanceof UsageError ? 1 : 2
  }
}

interface Found {
  readonly command?: Command
  readonly rest: readonly string[]
  /** The first word begins some commands. */
  readonly group: boolean
}

function commandOf(argv: readonly string[]): Found {
  const [first = '', second = '', ...rest] = argv
  const two = commands.find(({ name }) => name === `${first} ${second}`)
  if (two) return { command: two, rest, group: true }
  const one = commands.find(({ name }) => name === first)
  return {
    ...(one && { command: one }),
    rest: argv.slice(1),
    group: commands.some(({ name }) => name.startsWith(`${first} `)),
  }
}

function unknown(argv: readonly string[], group: boolean, around: Surroundings): number {
  const [first = ''] = argv
  if (group) {
    const members = commands.filter(({ name }) => name.startsWith(`${first} `))
    around.err(`Usage: strongroom ${first} <subcommand>\n\n${listing(members)}`)
    return argv.slice(1).some((word) => /^--?(h|help)$/.test(word)) ? 0 : 1
  }
  if (/^--?(v|version)$/.test(first)) {
    around.out(`${product.name} v${product.release}\n`)
    return 0
  }
  around.err(`Usage: strongroom <command> [flags] [arguments]\n\n${listing(commands)}`)
  return /^--?(h|help)$/.test(first) ? 0 : 127
}

function listing(shown: readonly Command[]): string {
  const width = Math.max(...shown.map(({ name }) => name.length)) + 4
  return `${shown.map(({ name, about }) => `    ${name.padEnd(width)}${about}`).join('\n')}\n`
}

function usage(command: Command): string {
  const flags = Object.entries({ ...command.flags, ...common }).map(
    ([name, { kind, about }]) => `    -${name}${kind === 'bool' ? '' : `=<${kind}>`}\n        ${about}`,
  )
  return `Usage: strongroom ${command.name} [flags]${command.usage ? ` ${command.usage}` : ''}\n\n  ${command.about}.\n\nFlags:\n\n${flags.join('\n')}\n`
}

function target(flags: Flags): Target {
  const text = (flag: string, name: string, usual = ''): string => flags.text(flag) ?? setting(name) ?? usual
  return {
    address: text('address', 'ADDR') || 'https://127.0.0.1:8200',
    token: currentToken(),
    namespace: flags.text('namespace') ?? flags.text('ns') ?? setting('NAMESPACE') ?? '',
    wrapTtl: text('wrap-ttl', 'WRAP_TTL'),
    headers: flags.pairs('header') ?? {},
    caFile: text('ca-cert', 'CACERT'),
    certFile: text('client-cert', 'CLIENT_CERT'),
    keyFile: text('client-key', 'CLIENT_KEY'),
    serverName: text('tls-server-name', 'TLS_SERVER_NAME'),
    skipVerify:
      flags.bool('tls-skip-verify') || ['1', 't', 'true'].includes((setting('SKIP_VERIFY') ?? '').toLowerCase()),
    retries: Number(setting('MAX_RETRIES') ?? 2),
  }
}
