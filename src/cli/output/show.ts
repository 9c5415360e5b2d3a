import type { Json } from '../../util/json.ts'
import type { Run } from '../framework/command.ts'
import { json, sorted } from './json.ts'
import { responseTable, envelope, fieldOf } from './format.ts'
import { cell } from './table.ts'

/**
 * Shows a server's response in the requested format, or one field of it. `done` is the message if it is empty. @returns the exit
 * status
 */
export async function showResponse(run: Run, body: Json | undefined, done = ''): Promise<number> {
  const field = run.flags.string('field') ?? ''
  if (field !== '') return showField(run, fieldOf(body ?? {}, field), field)
  if (run.format !== 'table') {
    if (body) await showValue(run, envelope(body))
  } else {
    const rendered = body ? responseTable(body) : ''
    if (body) showWarnings(run, body)
    if (rendered !== '') run.out(`${rendered}\n`)
    else if (done !== '') run.out(`${done}\n`)
  }
  return 0
}

/** Shows a value as JSON or YAML. The members of a table keep their order; in YAML they are sorted. */
export async function showValue(run: Run, value: unknown): Promise<void> {
  run.out(run.format === 'yaml' ? await asYaml(value) : `${json(value)}\n`)
}

/** Shows one field without a line feed. @returns 1 if there is no such field */
export async function showField(run: Run, value: unknown, field: string): Promise<number> {
  if (value === undefined) {
    run.err(`Field "${field}" not present in secret`)
    return 1
  }
  if (run.format === 'json') run.out(json(sorted(value)))
  else if (run.format === 'yaml') run.out(await asYaml(value))
  else run.out(cell(value))
  return 0
}

/** Shows the server's warnings on standard error. */
export function showWarnings(run: Pick<Run, 'err'>, body: Json): void {
  const warnings = body['warnings']
  if (!Array.isArray(warnings) || warnings.length === 0) return
  const list = warnings.map((warning) => `  * ${String(warning)}\n`).join('\n')
  run.err(`WARNING! The server returned the following warnings with its response:\n\n${list}`)
}

/** A read or list without a result. @returns the exit status */
export function nothingAt(run: Run, path: string): number {
  run.err(`No value found at ${path}`)
  return 2
}

/** Shows a list of names under a heading. */
export async function showKeys(run: Run, keys: readonly string[]): Promise<number> {
  if (run.format === 'table') run.out(`${['Keys', '----', ...keys].join('\n')}\n`)
  else await showValue(run, keys)
  return 0
}

async function asYaml(value: unknown): Promise<string> {
  // Most runs print no YAML: they start faster without its library.
  return (await import('./yaml.ts')).yaml(value)
}
