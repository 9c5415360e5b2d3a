import { Numeral } from '../util/json.ts'
import { NotConvertible, asBool, asMap, asText } from './convert.ts'
import type { Evaluating } from './evaluate.ts'
import { NotThere } from './history.ts'
import type { SourceName } from './profile.ts'
import { render } from './template/render.ts'
import { TemplateError } from './template/error.ts'
import type { TemplateWorld } from './template/functions.ts'

/** The world around a profile. */
export interface SourceWorld extends TemplateWorld {
  readonly env: (name: string) => string | undefined
  /** @throws Error when it cannot be read */
  readonly file: (path: string) => Promise<Uint8Array>
}

type Fields = Readonly<Record<string, unknown>>

/** Where values come from. @throws NotConvertible, TemplateError, NotThere */
export const sources: Readonly<Record<SourceName, (fields: Fields, parts: Evaluating) => unknown>> = {
  env: (fields, { world }) => {
    const name = asText(fields['env_var'])
    const value = world.env(name)
    if (value === undefined && asBool(fields['require_present']))
      throw new NotConvertible(`the environment has no variable ${name}`)
    return value ?? ''
  },
  file: async (fields, { world }) => {
    const path = asText(fields['path'])
    return world.file(path).catch((thrown: unknown) => {
      const code = (thrown as NodeJS.ErrnoException).code ?? 'unknown'
      throw new NotConvertible(`the file ${path} cannot be read (${code}): check that it exists and that this user may read it`) // prettier-ignore
    })
  },
  request: (fields, { history }) => history.field('requests', namesOf(fields, 'request_name'), selectorOf(fields)),
  response: (fields, { history }) => history.field('responses', namesOf(fields, 'response_name'), selectorOf(fields)),
  template: (fields, { world, history: { requests, responses } }) =>
    render(asText(fields['template']), { ...asMap(fields['data']), requests, responses }, world),
  cel: async (fields, parts) => celValue(fields, parts),
}

const namesOf = (fields: Fields, request: string): readonly [string, string] => [
  asText(fields['initialize_name']),
  asText(fields[request]),
]

const selectorOf = ({ field_selector: selector }: Fields): readonly unknown[] =>
  Array.isArray(selector) ? (selector as unknown[]) : [selector]

/** The value of a CEL expression; `variables` are computed first, in their order. */
async function celValue(fields: Fields, { history: { requests, responses } }: Evaluating): Promise<unknown> {
  const { Environment } = await import('@marcbachmann/cel-js')
  const variables = Array.isArray(fields['variables']) ? fields['variables'].map(asMap) : []
  const environment = new Environment({ unlistedVariablesAreDyn: true })
  const context: Record<string, unknown> = { requests, responses }
  try {
    for (const { name, expression } of variables)
      context[asText(name)] = environment.evaluate(asText(expression), context)
    return withoutBigInts(environment.evaluate(asText(fields['expression']), context))
  } catch (thrown) {
    if (thrown instanceof NotConvertible || thrown instanceof NotThere) throw thrown
    // Its own message could have parts of values.
    throw new TemplateError('the expression fails: check its syntax, and that every field that it names exists')
  }
}

/** CEL's integers are BigInts, which JSON has not. Digits that a number would change stay as they are. */
function withoutBigInts(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : new Numeral(String(value))
  if (value instanceof Numeral) return value
  if (Array.isArray(value)) return value.map(withoutBigInts)
  if (value instanceof Map) return withoutBigInts(Object.fromEntries(value))
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, withoutBigInts(member)]))
}
