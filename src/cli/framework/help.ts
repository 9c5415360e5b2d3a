import type { Command, CommandGroup } from './command.ts'
import { connectionFlags } from '../http/connection.ts'
import { examples } from './examples.ts'
import type { FlagKind, FlagTable } from './flags.ts'

/** The overview of all commands. */
export function overview(groups: readonly CommandGroup[]): string {
  const rows = groups.map(({ word, about }) => [word, about] as const)
  return `Usage: strongroom <command> [flags] [arguments]\n\n${listing(rows)}\nRun "strongroom <command> -h" for the help of one command.\n`
}

/**
 * The help of a group: its commands.
 * @param words - those that were typed: `operator snapshot` lists the commands of that name only
 */
export function groupHelp(group: CommandGroup, commands: readonly Command[], words: readonly string[] = []): string {
  const prefix = words.join(' ')
  const inside = commands.filter(({ name }) => name.startsWith(`${prefix} `))
  if (words.length > 1 && inside.length > 0) return `${usage(prefix)}${listing(rowsOf(inside))}`
  return `${usage(group.word)}  ${group.about}.\n\n${listing(rowsOf(commands))}`
}

const usage = (words: string): string => `Usage: strongroom ${words} <subcommand> [flags] [arguments]\n\n`

const rowsOf = (commands: readonly Command[]): readonly (readonly [string, string])[] =>
  commands.map(({ name, about }) => [name, about])

/** The help of one command: usage, examples, flags. */
export function commandHelp(command: Command, flags: FlagTable): string {
  const own = Object.fromEntries(Object.entries(flags).filter(([name]) => !Object.hasOwn(connectionFlags, name)))
  const shared = Object.fromEntries(Object.entries(flags).filter(([name]) => !Object.hasOwn(own, name)))
  const line = `Usage: strongroom ${command.name} [flags]${command.usage ? ` ${command.usage}` : ''}`
  const lines = (examples[command.name] ?? []).map((example) => `    strongroom ${example}\n`)
  const example = lines.length > 0 ? `\nExamples:\n\n${lines.join('')}` : ''
  return `${line}\n\n  ${command.about}.\n${example}${list('Flags', own)}${list('Connection flags', shared)}`
}

/** Placeholders for the value of a flag; a repeated flag shows the form of one value. */
const valueForms: Readonly<Record<FlagKind, string>> = {
  string: '=<string>',
  strings: '=<string>',
  pairs: '=<name=value>',
  int: '=<integer>',
  duration: '=<duration>',
  bool: '',
}

function list(heading: string, flags: FlagTable): string {
  const lines = Object.entries(flags).map(([name, { kind, about: description, alias }]) => {
    const names = `-${name}${valueForms[kind]}${alias ? ` (-${alias})` : ''}`
    return `    ${names}\n        ${description}\n`
  })
  return lines.length > 0 ? `\n${heading}:\n\n${lines.join('')}` : ''
}

function listing(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length)) + 4
  return rows.map(([name, about]) => `    ${name.padEnd(width)}${about}\n`).join('')
}
