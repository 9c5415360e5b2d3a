import { Client } from './http/client.ts'
import type { Command, Family, Run, Surroundings } from './framework/command.ts'
import { flagsOf } from './framework/command-flags.ts'
import { families } from './command-table.ts'
import { ServerError } from './http/errors.ts'
import { checkDryness, targetOf } from './http/connection.ts'
import { DryRun } from './http/dry-run.ts'
import { Environment } from './framework/env.ts'
import { UsageError, looksLikeFlag, parseFlags } from './framework/flags.ts'
import type { FlagTable } from './framework/flags.ts'
import { groupHelp, overview, usage } from './framework/help.ts'
import { suggest } from '../util/suggest.ts'
import { formatOf } from './output/format.ts'
import { showWarnings } from './output/show.ts'

/** Exit statuses: 0 done, 1 wrong here, 2 refused by the server or no answer, 127 no such command. */
const status = { done: 0, wrongHere: 1, refused: 2, unknown: 127 } as const

/** Node puts this letter where an argument is no UTF-8: what was meant is lost by then. */
const notText =
  'an argument is not UTF-8 text: it would be changed on its way\n  next: encode the value, for example with base64, or give it in a file'

/** Runs one command line. @returns the exit status */
export async function run(argv: readonly string[], around: Surroundings): Promise<number> {
  const [first = ''] = argv
  if (argv.some((word) => word.includes('\ufffd'))) {
    around.err(`${notText}\n`)
    return status.wrongHere
  }
  const family = families.find(({ word }) => word === first)
  if (!family) return withoutCommand(first, around)
  const commands = await family.load()
  const command = commandOf(commands, argv)
  if (!command) return withoutSubcommand(family, commands, argv, around)
  return perform(command, argv.slice(command.name.split(' ').length), around)
}

/** The command with the longest name that the line begins with. */
function commandOf(commands: readonly Command[], argv: readonly string[]): Command | undefined {
  for (const words of [3, 2, 1]) {
    const name = argv.slice(0, words).join(' ')
    const found = commands.find((command) => command.name === name)
    if (found) return found
  }
  return undefined
}

async function perform(command: Command, words: readonly string[], around: Surroundings): Promise<number> {
  const flagTable = flagsOf(command)
  if (words.some(isHelp)) {
    around.out(usage(command, flagTable))
    return status.done
  }
  const err = (line: string): void => around.err(`${line}\n`)
  let running: Run | undefined
  try {
    const { flags, args } = parseFlags(words, flagTable)
    const environment = new Environment(around.env, around.err)
    checkArguments(command, args)
    checkDryness(flags)
    const format = command.shows?.some((kind) => kind === 'format')
      ? formatOf(flags.text('format') || environment.setting('FORMAT') || '', command.shows.includes('raw'))
      : 'table'
    noteMisplacedFlags(args, flagTable, err)
    const client = (): Client => new Client(targetOf(flags, environment, !command.anonymous))
    running = {
      ...around,
      err,
      show: (text) => around.err(text),
      args,
      flags,
      format,
      environment,
      client: command.offline ? noClient : client(),
    }
    return await command.run(running)
  } catch (thrown) {
    return failed(thrown, command, running, around)
  }
}

/** What a command gets that said it would need no server. */
const noClient = undefined as unknown as Client

function failed(thrown: unknown, command: Command, running: Run | undefined, around: Surroundings): number {
  if (thrown instanceof DryRun) {
    around.out(`${thrown.message}\n`)
    return status.done
  }
  if (thrown instanceof UsageError) {
    around.err(`${thrown.message}\n`)
    return status.wrongHere
  }
  if (!(thrown instanceof ServerError)) throw thrown
  const doing = typeof command.doing === 'function' ? running && command.doing(running) : command.doing
  const what = thrown.during ?? (doing === undefined ? 'Error' : `Error ${doing}`)
  around.err(`${what === '' ? '' : `${what}: `}${thrown.message}\n`)
  if (thrown.next !== '') around.err(`  next: ${thrown.next}\n`)
  if (command.needs && thrown.isUnsupported) around.err(`This server has no ${command.needs}.\n`)
  // A write to a path that is nearly right: the server says which one was meant.
  if (thrown.body) showWarnings({ err: (line) => around.err(`${line}\n`) }, thrown.body)
  return status.refused
}

function checkArguments({ args: [fewest, most], usage = '', name }: Command, args: readonly string[]): void {
  const empty = args.indexOf('')
  if (empty >= 0)
    throw new UsageError(
      `argument ${empty + 1} is empty; is a variable not set?\n  usage: strongroom ${name} [flags]${usage && ` ${usage}`}`,
    )
  if (args.length >= fewest && args.length <= most) return
  const wanted = fewest === most ? `${fewest}` : most === Infinity ? `at least ${fewest}` : `${fewest} to ${most}`
  throw new UsageError(
    `${args.length < fewest ? 'Not enough' : 'Too many'} arguments (expected ${wanted}, got ${args.length})\n  usage: strongroom ${name} [flags]${usage && ` ${usage}`}`,
  )
}

/** Flags end at the first argument: what looks like one after it is data, which surprises people. */
function noteMisplacedFlags(args: readonly string[], flagTable: FlagTable, err: (line: string) => void): void {
  for (const word of args.filter(looksLikeFlag)) {
    const name = word.replace(/^--?/, '').replace(/=.*$/s, '')
    if (Object.hasOwn(flagTable, name))
      err(`Note: -${name} stands after an argument and counts as one. Flags come before the arguments.`)
  }
}

const isHelp = (word: string): boolean => /^--?(h|help)$/.test(word)

async function withoutCommand(first: string, around: Surroundings): Promise<number> {
  if (/^--?(v|version)$/.test(first)) return run(['version'], around)
  if (isHelp(first)) {
    around.out(overview(families))
    return status.done
  }
  const words = families.map(({ word }) => word)
  const unknown = first === '' || first === 'help' ? '' : unknownCommand(first, words)
  around.err(`${unknown}${overview(families)}`)
  return looksLikeFlag(first) ? status.wrongHere : status.unknown
}

function withoutSubcommand(
  family: Family,
  commands: readonly Command[],
  argv: readonly string[],
  around: Surroundings,
): number {
  const help = groupHelp(family, commands)
  if (argv.slice(1).some(isHelp)) {
    around.out(help)
    return status.done
  }
  const names = commands.map(({ name }) => name)
  const words = argv.filter((word) => !looksLikeFlag(word)).slice(0, 3)
  const isGroup = names.some((name) => name.startsWith(`${words.slice(0, 2).join(' ')} `))
  const written = words.slice(0, isGroup ? 3 : 2).join(' ')
  const unknown = words.length < (isGroup ? 3 : 2) ? '' : unknownCommand(written, names)
  around.err(`${unknown}${help}`)
  return status.wrongHere
}

function unknownCommand(written: string, known: readonly string[]): string {
  const near = suggest(written, known)
  return `There is no command ${written}.${near === undefined ? '' : ` Did you mean ${near}?`}\n\n`
}
