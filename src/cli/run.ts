import { Client } from './http/client.ts'
import type { Command, CommandGroup, Run, Runtime } from './framework/command.ts'
import { flagsOf } from './framework/command-flags.ts'
import { commandGroups } from './command-table.ts'
import { ServerError } from './http/errors.ts'
import { checkDryRunFlags, targetOf } from './http/connection.ts'
import { DryRun } from './http/dry-run.ts'
import { Environment } from './framework/env.ts'
import { UsageError, looksLikeFlag, parseFlags } from './framework/flags.ts'
import type { FlagTable } from './framework/flags.ts'
import { commandHelp, groupHelp, overview } from './framework/help.ts'
import { suggest } from '../util/suggest.ts'
import { formatOf } from './output/format.ts'
import { showWarnings } from './output/show.ts'

/** Exit statuses: 0 success, 1 usage error, 2 error response or no response, 127 unknown command. */
const status = { success: 0, usageError: 1, refused: 2, unknownCommand: 127 } as const

/** Node puts U+FFFD where an argument is not UTF-8; the original bytes are lost. */
const notUtf8 =
  'an argument is not valid UTF-8 and cannot be sent unchanged\n  next: encode the value, for example with base64, or read it from a file with @FILE'

/** Runs one command line. @returns the exit status */
export async function run(argv: readonly string[], runtime: Runtime): Promise<number> {
  const [first = ''] = argv
  if (argv.some((word) => word.includes('\ufffd'))) {
    runtime.err(`${notUtf8}\n`)
    return status.usageError
  }
  const group = commandGroups.find(({ word }) => word === first)
  if (!group) return withoutCommand(first, runtime)
  const commands = await group.load()
  const command = commandOf(commands, argv)
  if (!command) return withoutSubcommand(group, commands, argv, runtime)
  return perform(command, argv.slice(command.name.split(' ').length), runtime)
}

/** The command with the longest name that the command line starts with. */
function commandOf(commands: readonly Command[], argv: readonly string[]): Command | undefined {
  for (const words of [4, 3, 2, 1]) {
    const name = argv.slice(0, words).join(' ')
    const found = commands.find((command) => command.name === name)
    if (found) return found
  }
  return undefined
}

async function perform(command: Command, words: readonly string[], runtime: Runtime): Promise<number> {
  const flagTable = flagsOf(command)
  if (words.some(isHelp)) {
    runtime.out(commandHelp(command, flagTable))
    return status.success
  }
  const show = (text: string): void => runtime.err(text)
  const err = (line: string): void => show(`${line}\n`)
  let running: Run | undefined
  try {
    const { flags, args } = parseFlags(words, flagTable)
    const environment = new Environment(runtime.env, show)
    checkArguments(command, args)
    checkDryRunFlags(flags)
    const format = command.shows?.includes('format')
      ? formatOf(flags.string('format') || environment.setting('FORMAT') || '', command.shows.includes('raw'))
      : 'table'
    noteMisplacedFlags(args, flagTable, err)
    running = {
      ...runtime,
      err,
      show,
      args,
      flags,
      format,
      environment,
      client: command.offline ? noClient : new Client(targetOf(flags, environment, !command.anonymous)),
    }
    return await command.run(running)
  } catch (thrown) {
    return reportFailure(thrown, command, running, runtime)
  }
}

/** Offline commands never touch their client. */
const noClient = undefined as unknown as Client

function reportFailure(thrown: unknown, command: Command, running: Run | undefined, runtime: Runtime): number {
  if (thrown instanceof DryRun) {
    runtime.out(`${thrown.message}\n`)
    return status.success
  }
  if (thrown instanceof UsageError) {
    runtime.err(`${thrown.message}\n`)
    return status.usageError
  }
  if (!(thrown instanceof ServerError)) throw thrown
  const doing = typeof command.doing === 'function' ? running && command.doing(running) : command.doing
  const prefix = thrown.during ?? (doing === undefined ? 'Error' : `Error ${doing}`)
  runtime.err(`${prefix === '' ? '' : `${prefix}: `}${thrown.message}\n`)
  if (thrown.next !== '') runtime.err(`  next: ${thrown.next}\n`)
  if (command.needs && thrown.isUnsupported) runtime.err(`This server has no ${command.needs}.\n`)
  // For a write to an almost correct path, the server suggests the correct one.
  if (thrown.body) showWarnings({ err: (line) => runtime.err(`${line}\n`) }, thrown.body)
  return status.refused
}

function checkArguments(command: Command, args: readonly string[]): void {
  const [fewest, most] = command.args
  const usageLine = `usage: strongroom ${command.name} [flags]${command.usage ? ` ${command.usage}` : ''}`
  const empty = args.indexOf('')
  if (empty >= 0) throw new UsageError(`argument ${empty + 1} is empty; is a variable unset?\n  ${usageLine}`)
  if (args.length >= fewest && args.length <= most) return
  const expected = fewest === most ? `${fewest}` : most === Infinity ? `at least ${fewest}` : `${fewest} to ${most}`
  throw new UsageError(
    `${args.length < fewest ? 'Not enough' : 'Too many'} arguments (expected ${expected}, got ${args.length})\n  ${usageLine}`,
  )
}

/** Flags end at the first argument. A flag after it is data, which is a common mistake. */
function noteMisplacedFlags(args: readonly string[], flagTable: FlagTable, err: (line: string) => void): void {
  for (const word of args.filter(looksLikeFlag)) {
    const name = word.replace(/^--?/, '').replace(/=.*$/s, '')
    if (Object.hasOwn(flagTable, name))
      err(`Note: -${name} comes after an argument and is taken as an argument. Put flags before the arguments.`)
  }
}

const isHelp = (word: string): boolean => /^--?(h|help)$/.test(word)

async function withoutCommand(first: string, runtime: Runtime): Promise<number> {
  if (/^--?(v|version)$/.test(first)) return run(['version'], runtime)
  if (isHelp(first)) {
    runtime.out(overview(commandGroups))
    return status.success
  }
  const words = commandGroups.map(({ word }) => word)
  const unknown = first === '' || first === 'help' ? '' : unknownCommand(first, words)
  runtime.err(`${unknown}${overview(commandGroups)}`)
  return looksLikeFlag(first) ? status.usageError : status.unknownCommand
}

function withoutSubcommand(
  group: CommandGroup,
  commands: readonly Command[],
  argv: readonly string[],
  runtime: Runtime,
): number {
  const words = argv.filter((word) => !looksLikeFlag(word)).slice(0, 4)
  const help = groupHelp(group, commands, words)
  if (argv.slice(1).some(isHelp)) {
    runtime.out(help)
    return status.success
  }
  const names = commands.map(({ name }) => name)
  const isGroup = (count: number): boolean =>
    names.some((name) => name.startsWith(`${words.slice(0, count).join(' ')} `))
  const length = [2, 3].find((count) => !isGroup(count)) ?? 4
  const unknown = words.length < length ? '' : unknownCommand(words.slice(0, length).join(' '), names)
  runtime.err(`${unknown}${help}`)
  return status.usageError
}

function unknownCommand(input: string, names: readonly string[]): string {
  const near = suggest(input, names)
  return `There is no command ${input}.${near === undefined ? '' : ` Did you mean ${near}?`}\n\n`
}
