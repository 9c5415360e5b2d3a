import { isDeepStrictEqual } from 'node:util'
import type { Field, Fields } from '../../contract/field.ts'
import { denies, deniesDefault } from './denied.ts'
import { fits } from './allowed.ts'
import { ComparisonBudget } from './effort.ts'
import { defaultOf } from './readings.ts'
import type { ParameterRules } from './values.ts'
import { perObject } from '../../util/caches/per-object.ts'

type Data = Readonly<Record<string, unknown>>

/** The parameter conditions of one rule. */
interface Conditions {
  readonly allowed: ParameterRules
  readonly denied: ParameterRules
  readonly required: ReadonlySet<string>
}

/** The input of a check: the parameters of the request, how the route reads them, and those from its path. */
interface Parameters {
  readonly data: Data
  readonly fields?: Fields
  readonly params?: Readonly<Record<string, string>>
  /** Only `create` matters: a new record gets the initial value of each omitted parameter. */
  readonly operation?: string
}

/**
 * A parameter that a rule refuses: a missing one, a denied one (by name or value), one that is not allowed, or one with too many
 * values to check.
 */
export interface Violation {
  readonly name: string
  readonly kind: 'missing' | 'denied' | 'not allowed' | 'too much'
}

/**
 * The first parameter that does not satisfy a rule. Names are compared without regard to case, except for required ones:
 * Vault lower-cases the rule's names only, so that a required `X` means an `x`. A value is compared as the route reads it.
 */
export function violation({ allowed, denied, required }: Conditions, parameters: Parameters): Violation | undefined {
  if (allowed.size === 0 && denied.size === 0 && required.size === 0) return undefined
  const { data, fields = {}, params = {}, operation } = parameters
  for (const name of required) if (!Object.hasOwn(data, name.toLowerCase())) return { name, kind: 'missing' }
  const check = new ParameterCheck({ allowed, denied }, { data, fields, params, creates: operation === 'create' })
  for (const name in data) {
    const kind = check.sent(name, data[name])
    if (kind) return { name, kind }
  }
  for (const name in params) {
    const kind = check.inPath(name, params[name])
    if (kind) return { name, kind }
  }
  return check.leftOut()
}

/** Whether a rule denies a value that only the handler knows: the default of an omitted parameter. */
export function refusesDefault(
  { denied }: Pick<Conditions, 'denied'>,
  fields: Fields,
  name: string,
  value: unknown,
): boolean {
  const field = fields[name]
  return (
    field !== undefined &&
    namesOf(fields, name).some((one) => {
      const values = denied.get(one)
      return values !== undefined && values.length > 0 && deniesDefault(values, value, field)
    })
  )
}

class ParameterCheck {
  readonly #allowed: ParameterRules
  readonly #denied: ParameterRules
  readonly #fields: Fields
  readonly #data: Data
  readonly #params: Data
  readonly #creates: boolean
  readonly #all: Data
  readonly #budget = new ComparisonBudget()

  constructor(
    { allowed, denied }: Pick<Conditions, 'allowed' | 'denied'>,
    { data, fields, params, creates }: Required<Omit<Parameters, 'operation'>> & { readonly creates: boolean },
  ) {
    this.#allowed = allowed
    this.#denied = denied
    this.#fields = fields
    this.#data = data
    this.#params = params
    this.#creates = creates
    this.#all = { ...data, ...params }
  }

  /** The rule that a parameter of the body or the query breaks. */
  sent(rawName: string, value: unknown): Violation['kind'] | undefined {
    if (this.#denied.has('*')) return 'denied'
    const name = rawName.toLowerCase()
    const field = this.#fieldOf(name)
    if (this.#denies(name, value, field, this.#all)) return 'denied'
    if (this.#budget.spent) return 'too much'
    if (this.#allowed.size > 0 && !this.#allows(name, value, field)) return 'not allowed'
    return field?.itemNames && Array.isArray(value) ? this.#inItems(value, field.itemNames) : undefined
  }

  /**
   * The rule against a parameter from the path: against its value only, because policies do not list parameters of every request.
   */
  inPath(name: string, value: unknown): Violation['kind'] | undefined {
    const field = this.#fieldOf(name)
    for (const one of namesOf(this.#fields, name)) {
      const values = this.#denied.get(one)
      if (values && values.length > 0 && denies(values, value, field, this.#budget)) return 'denied'
    }
    if (this.#budget.spent) return 'too much'
    return this.#fitsAll(namesOf(this.#fields, name), value, field, this.#all) ? undefined : 'not allowed'
  }

  /**
   * A parameter that was sent under none of its names: its default is denied, or the value derived from others is denied or not
   * allowed.
   */
  leftOut(): Violation | undefined {
    const batches = Object.keys(this.#data).filter((name) => Array.isArray(this.#data[name]))
    const inItems = batches.flatMap((name) => this.#fieldOf(name)?.itemNames ?? [])
    for (const name of new Set([...this.#denied.keys(), ...this.#allowed.keys()])) {
      const field = this.#fieldOf(name)
      const isSent = (one: string): boolean => Object.hasOwn(this.#data, one) || Object.hasOwn(this.#params, one)
      if (!field || inItems.includes(name) || namesOf(this.#fields, name).some(isSent)) continue
      const kind = this.#omitted(name, field, this.#all)
      if (kind) return { name, kind }
    }
    return undefined
  }

  #omitted(name: string, field: Field<unknown>, all: Data): Violation['kind'] | undefined {
    const denied = this.#denied.get(name) ?? []
    const allowed = this.#allowed.get(name) ?? []
    const formed = field.forms?.(undefined, all) ?? []
    const defaults = formed.length > 0 ? formed : this.#usual(name, field)
    if (denied.length > 0 && defaults.some((value) => deniesDefault(denied, value, field))) return 'denied'
    // A value derived from other parameters counts as sent; a default does not.
    if (!field.forms || formed.length === 0 || isDeepStrictEqual(formed, field.forms(undefined, {}))) return undefined
    if (denied.length > 0 && formed.some((value) => denies(denied, value, field, this.#budget))) return 'denied'
    if (this.#budget.spent) return 'too much'
    return allowed.length === 0 || formed.some((value) => fits(allowed, value, field, this.#budget))
      ? undefined
      : 'not allowed'
  }

  /** The rule against the items of a batch: they have parameters of the same route, and the common values of the request. */
  #inItems(items: readonly unknown[], itemNames: readonly string[]): Violation['kind'] | undefined {
    const restricted = itemNames.filter((name) => this.#denied.has(name) || this.#allowed.has(name))
    for (const item of items) {
      if (typeof item !== 'object' || item === null) continue
      const data = item as Data
      for (const [rawName, value] of Object.entries(data)) {
        const name = rawName.toLowerCase()
        const field = this.#fieldOf(name)
        if (this.#denies(name, value, field, data)) return 'denied'
        if (this.#budget.spent) return 'too much'
        if (!this.#fitsAll(namesOf(this.#fields, name), value, field, data)) return 'not allowed'
      }
      for (const name of restricted) {
        const field = this.#fieldOf(name)
        const kind = field && !Object.hasOwn(data, name) ? this.#omitted(name, field, data) : undefined
        if (kind) return kind
      }
    }
    return undefined
  }

  #denies(name: string, value: unknown, field: Field<unknown> | undefined, all: Data): boolean {
    const forms = formsOf(field, value, all)
    return namesOf(this.#fields, name).some((one) => {
      const values = this.#denied.get(one)
      if (!values) return false
      if (values.length === 0 || denies(values, value, field, this.#budget)) return true
      return forms.some((form) => denies(values, form, field, this.#budget))
    })
  }

  #allows(name: string, value: unknown, field: Field<unknown> | undefined): boolean {
    if (!this.#allowed.has(name) && !this.#allowed.has('*')) return false
    // A rule about one name of an object applies to its other names as well, if those are allowed at all.
    const rules = this.#allowed.has(name) ? [name] : namesOf(this.#fields, name)
    return this.#fitsAll(rules, value, field, this.#all)
  }

  /** Whether a value is allowed by every rule under some names: as sent, and in one of the forms that the route reads. */
  #fitsAll(names: readonly string[], value: unknown, field: Field<unknown> | undefined, all: Data): boolean {
    return names.every((name) => {
      const values = this.#allowed.get(name)
      if (!values || values.length === 0) return true
      if (!fits(values, value, field, this.#budget)) return false
      const forms = formsOf(field, value, all)
      return forms.length === 0 || forms.some((form) => fits(values, form, field, this.#budget))
    })
  }

  /** The value of a parameter that was sent under none of its names. */
  #usual(name: string, field: Field<unknown>): readonly unknown[] {
    const initials = this.#creates ? namesOf(this.#fields, name).map((one) => this.#fields[one]?.initial) : []
    return [defaultOf(field), ...initials].filter((value) => value !== undefined).slice(0, 1)
  }

  #fieldOf(name: string): Field<unknown> | undefined {
    return Object.hasOwn(this.#fields, name) ? this.#fields[name] : undefined
  }
}

const formsOf = (field: Field<unknown> | undefined, value: unknown, all: Data): readonly unknown[] =>
  field?.forms ? field.forms(value === null || value === '' ? undefined : value, all) : []

/** All names of the object that a parameter is about, including its own. */
function namesOf(fields: Fields, name: string): readonly string[] {
  return groupsOf(fields).get(name) ?? [name]
}

const groupsOf = perObject((fields: Fields): ReadonlyMap<string, readonly string[]> => {
  const byFirst = new Map<string, string[]>()
  for (const [name, { sameAs }] of Object.entries(fields)) {
    if (sameAs === undefined) continue
    byFirst.set(sameAs, [...(byFirst.get(sameAs) ?? [sameAs]), name])
  }
  return new Map([...byFirst.values()].flatMap((names) => names.map((name) => [name, names] as const)))
})
