import type { Command, Family } from './command.ts'
import { connectionFlags } from '../http/connection.ts'
import { examples } from './examples.ts'
import type { FlagTable } from './flags.ts'

/** Every command by its first word. */
export function overview(families: readonly Family[]): string {
  const rows = families.map(({ word, about }) => [word, about] as const)
  return `Usage: strongroom <command> [flags] [arguments]\n\n${listing(rows)}\nstrongroom <command> -h says more about one.\n`
}

/** The commands of one family. */
export function groupHelp({ word, about }: Family, commands: readonly Command[]): string {
  const rows = commands.map(({ name, about }) => [name, about] as const)
  return `Usage: strongroom ${word} <subcommand> [flags] [arguments]\n\n  ${about}.\n\n${listing(rows)}`
}

/** How one command is used. */
export function usage(command: Command, flags: FlagTable): string {
  const own = Object.fromEntries(Object.entries(flags).filter(([name]) => !Object.hasOwn(connectionFlags, name)))
  const shared = Object.fromEntries(Object.entries(flags).filter(([name]) => !Object.hasOwn(own, name)))
  const line = `Usage: strongroom ${command.name} [flags]${command.usage ? ` ${command.usage}` : ''}`
  const shown = (examples[command.name] ?? []).map((example) => `    strongroom ${example}\n`)
  const example = shown.length > 0 ? `\nFor example:\n\n${shown.join('')}` : ''
  return `${line}\n\n  ${command.about}.\n${example}${list('Flags', own)}${list('Flags for the connection', shared)}`
}

function list(heading: string, flags: FlagTable): string {
  const lines = Object.entries(flags).map(([name, { kind, about, alias }]) => {
    const value = kind === 'bool' ? '' : `=<${kind}>`
    return `    -${name}${value}${alias ? ` (-${alias})` : ''}\n        ${about}\n`
  })
  return lines.length > 0 ? `\n${heading}:\n\n${lines.join('')}` : ''
}

function listing(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length)) + 4
  return rows.map(([name, about]) => `    ${name.padEnd(width)}${about}\n`).join('')
}
