import * as fc from 'fast-check'
import { Fault } from '../../../src/contract/fault.ts'
import { readFields } from '../../../src/contract/field.ts'
import type { FieldKind } from '../../../src/contract/field.ts'
import type { Caller } from '../../../src/contract/identity.ts'
import type { FormedResponse } from '../../../src/contract/response.ts'
import type { Route } from '../../../src/contract/route.ts'
import { statusOf } from '../../../src/protocols/vault/status.ts'

export type Data = Readonly<Record<string, unknown>>

/** The outcome of one request: a status below 500, or the failure. */
export type Outcome =
  { readonly status: number; readonly response: FormedResponse | undefined } | { readonly wrong: string }

/** Longer than any single operation takes on a busy machine, milliseconds. */
const hangs = 60_000

const caller: Caller = {
  policies: ['root'],
  sudo: true,
  root: true,
  allows: () => true,
  denies: () => false,
  deniesValue: () => false,
  reaches: () => true,
}

/** Calls a route as the pipeline does, without HTTP. */
export async function outcomeOf(route: Route, engine: unknown, data: Data): Promise<Outcome> {
  const call = {
    engine: engine as never,
    caller,
    request: { data },
    mountPath: 'transit/',
    isGiven: (name: string) => Object.hasOwn(data, name),
    confirm: () => {},
    beforeChange: async () => {},
  }
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Outcome>((resolve) => {
    timer = setTimeout(() => resolve({ wrong: 'it hangs' }), hangs)
  })
  const work = async (): Promise<Outcome> => {
    try {
      const response = await route.handle(call as never, readFields(route.fields, data))
      return { status: response.status ?? 200, response }
    } catch (thrown) {
      if (!(thrown instanceof Fault)) return { wrong: String(thrown) }
      const status = statusOf[thrown.code]
      return status < 500 ? { status, response: undefined } : { wrong: `${status} ${thrown.message}` }
    }
  }
  return Promise.race([work(), late]).finally(() => clearTimeout(timer))
}

/** Values for fields without values of their own. */
const strange: Readonly<Record<FieldKind, readonly unknown[]>> = {
  string: ['', 'x', '*', 'a'.repeat(5000), null, {}],
  bool: [true, null, 'maybe'],
  int: [0, -1, 99, 2 ** 40, null, 'x', 1.5],
  number: [0, -1, null, 'x'],
  duration: ['1h', 0, -1, null, 'soon'],
  list: [[], ['x'], 'a,b', null, 7],
  map: [{}, { a: 'b' }, null, 7],
  object: [{}, null, 7],
  array: [[], [{}], null, 7],
  base64: ['eA==', '*', null],
  any: [null, 7, 'x', [], [{}], [null], [[]], { a: 1 }],
}

/**
 * The requests to a route: a valid one, each field with each value and left out, the same inside a batch, and some with
 * several strange fields. `good` and `known` are values by the name of a field.
 */
export function requestsOf(route: Route, good: Data, known: Readonly<Record<string, readonly unknown[]>>): Data[] {
  const fields = Object.entries(route.fields)
  const base = Object.fromEntries(fields.filter(([name]) => name in good).map(([name]) => [name, good[name]]))
  const values = new Map(fields.map(([name, { kind }]) => [name, [...(known[name] ?? []), ...strange[kind]]]))
  const each = [...values].flatMap(([name, some]) => some.map((value) => ({ ...base, [name]: value })))
  const without = Object.keys(base).map((name) => ({ ...base, [name]: undefined }))
  const whole = Object.fromEntries(Object.entries(base).filter(([name]) => route.pattern.includes(`:${name}`)))
  const batches =
    'batch_input' in route.fields
      ? [base, ...each, ...without].map((item) => ({ ...item, ...whole, batch_input: [base, item] }))
      : []
  const mixed = fc.sample(
    fc.record(Object.fromEntries([...values].map(([name, some]) => [name, fc.constantFrom(...some)])), {
      requiredKeys: [],
    }),
    { seed: 7, numRuns: 6 },
  )
  return [base, ...each, ...without, ...batches, ...mixed.map((some) => ({ ...base, ...some }))]
}
