import type { Answer } from './client.ts'
import type { Run } from './command.ts'
import { answerTable, cell, envelope, fieldOf, json, sorted, yaml } from './output.ts'

type Body = Readonly<Record<string, unknown>>

/** Shows a server's answer in the format asked for, or one field of it. @returns the exit status. */
export function showAnswer(run: Run, { body }: Answer, done = ''): number {
  if (body === undefined) {
    if (run.format === 'table' && done !== '') run.out(`${done}\n`)
    return 0
  }
  const field = run.flags.text('field')
  if (field !== undefined && field !== '') return showField(run, fieldOf(body, field), field)
  if (run.format === 'raw') run.out(`${json(sorted(body['data'] ?? null))}\n\n`)
  else if (run.format !== 'table') showValue(run, withSortedData(envelope(body)))
  else {
    showWarnings(run, body)
    const empty = !body['auth'] && !body['wrap_info'] && !body['data']
    if (!empty) run.out(`${answerTable(body)}\n`)
    else if (done !== '') run.out(`${done}\n`)
  }
  return 0
}

function withSortedData(body: Body): Body {
  return { ...body, ...('data' in body && { data: sorted(body['data']) }) }
}

/** Shows a value as JSON or YAML. */
export function showValue(run: Run, value: unknown): void {
  run.out(run.format === 'yaml' ? yaml(value) : `${json(value)}\n`)
}

/** Shows one field without a line feed. */
export function showField(run: Run, value: unknown, field: string): number {
  if (value === undefined) {
    run.err(`Field "${field}" not present in secret`)
    return 1
  }
  if (run.format === 'json') run.out(json(sorted(value)))
  else if (run.format === 'yaml') run.out(yaml(value))
  else run.out(typeof value === 'string' ? value : cell(value))
  return 0
}

function showWarnings(run: Run, body: Body): void {
  const warnings = body['warnings']
  if (!Array.isArray(warnings) || warnings.length === 0) return
  run.err(
    `WARNING! The server had something to say:\n\n${warnings.map((warning) => `  * ${String(warning)}\n`).join('\n')}`,
  )
}
