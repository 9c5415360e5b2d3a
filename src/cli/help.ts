import type { Command, Family } from './command.ts'
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
  const list = Object.entries(flags).map(([name, { kind, about, alias }]) => {
    const value = kind === 'bool' ? '' : `=<${kind}>`
    return `    -${name}${value}${alias ? ` (-${alias})` : ''}\n        ${about}\n`
  })
  const line = `Usage: strongroom ${command.name} [flags]${command.usage ? ` ${command.usage}` : ''}`
  return `${line}\n\n  ${command.about}.\n${list.length > 0 ? `\nFlags:\n\n${list.join('')}` : ''}`
}

function listing(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length)) + 4
  return rows.map(([name, about]) => `    ${name.padEnd(width)}${about}\n`).join('')
}
