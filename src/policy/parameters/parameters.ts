import type { Field, Fields } from '../../contract/field.ts'
import { denies, deniesDefault } from './denied.ts'
import { fits } from './allowed.ts'
import { Effort } from './effort.ts'
import type { ParameterRules } from './values.ts'

type Data = Readonly<Record<string, unknown>>

/** The parameter conditions of one rule. */
export interface Conditions {
  readonly allowed: ParameterRules
  readonly denied: ParameterRules
  readonly required: ReadonlySet<string>
}

/** What is judged: the parameters that were sent, how the route reads them, and those that it takes from its path. */
export interface Parameters {
  readonly data: Data
  readonly fields?: Fields
  readonly params?: Readonly<Record<string, string>>
}

/** A parameter that a rule refuses: one that is missing, one that is denied (by name or by value), one that is not among those allowed, or one with more values than can be judged. */
export interface Misfit {
  readonly name: string
  readonly kind: 'missing' | 'denied' | 'not allowed' | 'too much'
}

/**
 * The first parameter that does not satisfy a rule. Names are compared without regard to case, except for required ones:
 * Vault lower-cases the rule's names only, so that a required `X` asks for an `x`. A value is compared as the route reads it.
 */
export function misfit({ allowed, denied, required }: Conditions, asked: Parameters): Misfit | undefined {
  if (allowed.size === 0 && denied.size === 0 && required.size === 0) return undefined
  const { data, fields = {}, params = {} } = asked
  for (const name of required) if (!Object.hasOwn(data, name.toLowerCase())) return { name, kind: 'missing' }
  const judge = new Judge({ allowed, denied }, fields)
  for (const name in data) {
    const kind = judge.sent(name, data[name])
    if (kind) return { name, kind }
  }
  for (const name in params) {
    const kind = judge.inPath(name, params[name])
    if (kind) return { name, kind }
  }
  const name = judge.leftOut(data, params)
  return name === undefined ? undefined : { name, kind: 'denied' }
}

class Judge {
  readonly #allowed: ParameterRules
  readonly #denied: ParameterRules
  readonly #fields: Fields
  readonly #effort = new Effort()

  constructor({ allowed, denied }: Pick<Conditions, 'allowed' | 'denied'>, fields: Fields) {
    this.#allowed = allowed
    this.#denied = denied
    this.#fields = fields
  }

  /** What speaks against a parameter of the body or the query. */
  sent(written: string, value: unknown): Misfit['kind'] | undefined {
    if (this.#denied.has('*')) return 'denied'
    const name = written.toLowerCase()
    const field = this.#fieldOf(name)
    if (this.#denies(name, value, field)) return 'denied'
    if (this.#effort.spent) return 'too much'
    if (this.#allowed.size > 0 && !this.#allows(name, value, field)) return 'not allowed'
    return field?.isBatch === true && Array.isArray(value) ? this.#inItems(value) : undefined
  }

  /** What speaks against a parameter that the path gives: its value only, for no policy lists what every request has. */
  inPath(name: string, value: unknown): Misfit['kind'] | undefined {
    const field = this.#fieldOf(name)
    for (const one of namesOf(this.#fields, name)) {
      const values = this.#denied.get(one)
      if (values && values.length > 0 && denies(values, value, field, this.#effort)) return 'denied'
    }
    if (this.#effort.spent) return 'too much'
    return this.#fitsAll(namesOf(this.#fields, name), value, field) ? undefined : 'not allowed'
  }

  /** A parameter that was sent under none of its names, and of which the default is denied. */
  leftOut(data: Data, params: Data): string | undefined {
    for (const [name, values] of this.#denied) {
      const field = this.#fieldOf(name)
      if (!field || values.length === 0) continue
      const isSent = namesOf(this.#fields, name).some((one) => Object.hasOwn(data, one) || Object.hasOwn(params, one))
      if (!isSent && deniesDefault(values, field)) return name
    }
    return undefined
  }

  /** What speaks against the items of a batch: they have parameters of the same route. */
  #inItems(items: readonly unknown[]): Misfit['kind'] | undefined {
    for (const item of items) {
      if (typeof item !== 'object' || item === null) continue
      for (const [written, value] of Object.entries(item)) {
        const name = written.toLowerCase()
        const field = this.#fieldOf(name)
        if (this.#denies(name, value, field)) return 'denied'
        if (this.#effort.spent) return 'too much'
        if (!this.#fitsAll(namesOf(this.#fields, name), value, field)) return 'not allowed'
      }
    }
    return undefined
  }

  #denies(name: string, value: unknown, field: Field<unknown> | undefined): boolean {
    return namesOf(this.#fields, name).some((one) => {
      const values = this.#denied.get(one)
      return values !== undefined && (values.length === 0 || denies(values, value, field, this.#effort))
    })
  }

  #allows(name: string, value: unknown, field: Field<unknown> | undefined): boolean {
    if (!this.#allowed.has(name) && !this.#allowed.has('*')) return false
    // A rule about one name of a thing holds for its other names, too, where those are allowed at all.
    const rules = this.#allowed.has(name) ? [name] : namesOf(this.#fields, name)
    return this.#fitsAll(rules, value, field)
  }

  /** Whether a value is allowed by every rule under some names. */
  #fitsAll(names: readonly string[], value: unknown, field: Field<unknown> | undefined): boolean {
    return names.every((name) => {
      const values = this.#allowed.get(name)
      return !values || values.length === 0 || fits(values, value, field, this.#effort)
    })
  }

  #fieldOf(name: string): Field<unknown> | undefined {
    return Object.hasOwn(this.#fields, name) ? this.#fields[name] : undefined
  }
}

const groups = new WeakMap<Fields, ReadonlyMap<string, readonly string[]>>()

/** All names of the thing that a parameter is about, its own included. */
function namesOf(fields: Fields, name: string): readonly string[] {
  const known = groups.get(fields) ?? groupsOf(fields)
  groups.set(fields, known)
  return known.get(name) ?? [name]
}

function groupsOf(fields: Fields): ReadonlyMap<string, readonly string[]> {
  const byFirst = new Map<string, string[]>()
  for (const [name, { sameAs }] of Object.entries(fields)) {
    if (sameAs === undefined) continue
    byFirst.set(sameAs, [...(byFirst.get(sameAs) ?? [sameAs]), name])
  }
  return new Map([...byFirst.values()].flatMap((names) => names.map((name) => [name, names] as const)))
}
