import { refuse } from '../contract/fault.ts'
import { capabilities } from '../contract/identity.ts'
import type { Capability } from '../contract/identity.ts'
import { parseDuration } from '../util/duration.ts'
import { HclError, parseHcl } from './hcl.ts'
import type { HclItem, HclValue } from './hcl.ts'
import { compileKeyFilter } from './key-filter.ts'
import type { KeyFilter } from './key-filter.ts'

/** Values that a parameter may or may not have, by lower-case name. An empty list stands for any value. */
export type ParameterRules = ReadonlyMap<string, readonly unknown[]>

/**
 * One `path "…" { … }` stanza. Wrapping TTLs in seconds, expiration in epoch milliseconds. Wrapping TTLs and the
 * pagination limit are absent where 0 (no bound) was written.
 */
export interface PathRule {
  /** Without leading slash; ends in `*` for a prefix, may have `+` segments. */
  readonly path: string
  readonly capabilities: ReadonlySet<Capability>
  readonly allowed?: ParameterRules
  readonly denied?: ParameterRules
  readonly required: readonly string[]
  readonly minWrappingTtl?: number
  readonly maxWrappingTtl?: number
  readonly paginationLimit?: number
  /** Lists show only names that the caller could read at the path that it makes of them. */
  readonly keyFilter?: KeyFilter
  readonly expiration?: number
  /** Has `{{…}}`: it matches nobody until identity exists. */
  readonly templated: boolean
}

/** A parsed policy. Plain, never changed. */
export interface PolicyDocument {
  readonly rules: readonly PathRule[]
}

/**
 * Parses a policy in HCL or JSON. Unknown keys are errors, not ignored.
 * @throws Fault invalid_request naming line and key.
 */
export function parsePolicy(source: string, name = 'policy'): PolicyDocument {
  try {
    const rules: PathRule[] = []
    for (const item of parseHcl(source)) rules.push(...stanzas(item))
    return { rules }
  } catch (thrown) {
    if (thrown instanceof HclError) throw refuse(`policy "${name}" cannot be read, at ${thrown.message}`)
    throw thrown
  }
}

function stanzas(item: HclItem): PathRule[] {
  if (item.key === 'name' && item.value.kind === 'string') return []
  if (item.key !== 'path')
    throw new HclError(`"${item.key}" is not known here; a policy consists of path "…" { … } stanzas`, item.at)
  if (item.labels.length > 1) throw new HclError('a path stanza has one path', item.at)
  const [label] = item.labels
  if (label !== undefined) return [rule(label, item.value)]
  // JSON, and HCL's `path = { "x" = { … } }`: the paths are the keys of an object (or of several in a list).
  const rules = alternatives(item.value).flatMap((body) =>
    itemsOf(body, 'path').flatMap((inner) => {
      if (inner.labels.length > 0) throw new HclError('a path stanza has one path', inner.at)
      return alternatives(inner.value).map((each) => rule(inner.key, each))
    }),
  )
  if (rules.length === 0) throw new HclError('a path stanza lacks its path: path "…" { … }', item.at)
  return rules
}

const alternatives = (value: HclValue): readonly HclValue[] => (value.kind === 'list' ? value.items : [value])

function itemsOf(value: HclValue, key: string): readonly HclItem[] {
  if (value.kind !== 'object') throw new HclError(`"${key}" must be an object`, value.at)
  return value.items
}

const oldPolicies: Readonly<Record<string, readonly Capability[]>> = {
  deny: ['deny'],
  read: ['read', 'list'],
  write: ['create', 'read', 'update', 'delete', 'list'],
  sudo: ['create', 'read', 'update', 'delete', 'list', 'sudo'],
}

type Draft = { -readonly [K in keyof PathRule]?: PathRule[K] }
type Setter = (draft: Draft, value: HclValue) => void

const settings: Readonly<Record<string, Setter>> = {
  comment: () => {},
  name: () => {},
  policy: (draft, value) => {
    const word = textOf(value, 'policy')
    const granted = Object.hasOwn(oldPolicies, word) ? oldPolicies[word] : undefined
    if (!granted && word !== '')
      throw new HclError(`policy = "${word}" is not known; write capabilities = […] instead`, value.at)
    draft.capabilities = new Set([...(draft.capabilities ?? []), ...(granted ?? [])])
  },
  capabilities: (draft, value) => {
    draft.capabilities = new Set([
      ...(draft.capabilities ?? []),
      ...capabilitiesOf(textsOf(value, 'capabilities'), draft, value),
    ])
  },
  allowed_parameters: (draft, value) => void (draft.allowed = parametersOf(value, 'allowed_parameters', draft.allowed)),
  denied_parameters: (draft, value) => void (draft.denied = parametersOf(value, 'denied_parameters', draft.denied)),
  required_parameters: (draft, value) =>
    void (draft.required = [...(draft.required ?? []), ...textsOf(value, 'required_parameters')]),
  min_wrapping_ttl: (draft, value) => {
    const seconds = secondsOf(value, 'min_wrapping_ttl')
    if (seconds > 0) draft.minWrappingTtl = seconds
  },
  max_wrapping_ttl: (draft, value) => {
    const seconds = secondsOf(value, 'max_wrapping_ttl')
    if (seconds > 0) draft.maxWrappingTtl = seconds
  },
  pagination_limit: (draft, value) => {
    if (value.kind !== 'number' || !Number.isInteger(value.value))
      throw new HclError('pagination_limit must be a whole number', value.at)
    if (value.value > 0) draft.paginationLimit = value.value
  },
  list_scan_response_keys_filter_path: (draft, value) => {
    const text = textOf(value, 'list_scan_response_keys_filter_path')
    if (text === '') return
    const filter = compileKeyFilter(text)
    if (!filter)
      throw new HclError(
        'list_scan_response_keys_filter_path is a path with {{ .key }}, and {{ .path }} where wanted, in it',
        value.at,
      )
    draft.keyFilter = filter
  },
  expiration: (draft, value) => {
    const text = textOf(value, 'expiration')
    // Date.parse alone takes far more, some of it as the machine's local time.
    const time = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : NaN
    if (Number.isNaN(time)) throw new HclError('expiration must be a time such as "2030-01-02T03:04:05Z"', value.at)
    draft.expiration = time
  },
  mfa_methods: (_, value) => {
    throw new HclError('mfa_methods are not offered by this server: the rule would not be enforced', value.at)
  },
  control_group: (_, value) => {
    throw new HclError('control groups are not offered by this server: the rule would not be enforced', value.at)
  },
}

function rule(written: string, body: HclValue): PathRule {
  const path = written.startsWith('/') ? written.slice(1) : written
  checkPath(path, body)
  const draft: Draft = { path }
  for (const { key, value, labels, at } of itemsOf(body, `path "${path}"`)) {
    const set = Object.hasOwn(settings, key) ? settings[key] : undefined
    if (!set || labels.length > 0) throw new HclError(`path "${path}": "${key}" is not known`, at)
    set(draft, value)
  }
  if (
    !draft.capabilities?.has('deny') &&
    draft.minWrappingTtl !== undefined &&
    draft.maxWrappingTtl !== undefined &&
    draft.maxWrappingTtl < draft.minWrappingTtl
  ) {
    throw new HclError(`path "${path}": max_wrapping_ttl cannot be less than min_wrapping_ttl`, body.at)
  }
  const granted = draft.capabilities ?? new Set<Capability>()
  if (draft.keyFilter && !granted.has('list') && !granted.has('deny'))
    throw new HclError(`path "${path}": list_scan_response_keys_filter_path needs the capability "list"`, body.at)
  // Deny stands alone: whatever else was written beside it, nothing is allowed.
  return {
    ...draft,
    path,
    capabilities: granted.has('deny') ? new Set(['deny']) : granted,
    required: draft.required ?? [],
    templated: path.includes('{{'),
  }
}

function checkPath(path: string, body: HclValue): void {
  if (path.includes('+*'))
    throw new HclError(
      `path "${path}": "+*" is not allowed; "+" stands for one whole segment, "*" ends a prefix`,
      body.at,
    )
  let open = 0
  for (const mark of path.match(/\{\{|\}\}/g) ?? []) {
    open += mark === '{{' ? 1 : -1
    if (open < 0 || open > 1) break
  }
  if (open !== 0) throw new HclError(`path "${path}": unbalanced templating characters`, body.at)
}

/** What stands behind a deny is not read: nothing can be allowed any more. */
function capabilitiesOf(words: readonly string[], draft: Draft, value: HclValue): readonly Capability[] {
  const deny = words.indexOf('deny')
  return words.slice(0, deny < 0 ? undefined : deny + 1).map((word) => capabilityOf(word, draft, value))
}

function capabilityOf(word: string, draft: Draft, value: HclValue): Capability {
  const known = capabilities.find((capability) => capability === word)
  if (!known) throw new HclError(`path "${draft.path}": invalid capability "${word}"`, value.at)
  return known
}

function textOf(value: HclValue, key: string): string {
  if (value.kind !== 'string') throw new HclError(`"${key}" must be a text in double quotes`, value.at)
  return value.value
}

function textsOf(value: HclValue, key: string): string[] {
  if (value.kind !== 'list') throw new HclError(`"${key}" must be a list of texts`, value.at)
  return value.items.map((item) => textOf(item, key))
}

function secondsOf(value: HclValue, key: string): number {
  const seconds =
    value.kind === 'number'
      ? parseDuration(value.value)
      : value.kind === 'string'
        ? parseDuration(value.value)
        : undefined
  if (seconds === undefined) throw new HclError(`"${key}" must be a duration such as "5m" or 300`, value.at)
  return seconds
}

/** A repeated name, in whatever case, adds to the values it had: nothing that was written is dropped. */
function parametersOf(value: HclValue, key: string, before: ParameterRules | undefined): ParameterRules {
  let rules: ParameterRules = before ?? new Map()
  for (const body of alternatives(value)) {
    for (const item of itemsOf(body, key)) {
      if (item.value.kind !== 'list')
        throw new HclError(`"${key}": the values of "${item.key}" must be a list`, item.at)
      rules = unitedParameters(rules, new Map([[item.key.toLowerCase(), item.value.items.map(plain)]]))
    }
  }
  return rules
}

/** Both sets of rules: values of one name add up; an empty list means any value and swallows the rest. */
export function unitedParameters(a: ParameterRules, b: ParameterRules): ParameterRules {
  const all = new Map(a)
  for (const [name, values] of b) {
    const old = all.get(name)
    all.set(name, !old ? values : old.length === 0 || values.length === 0 ? [] : [...old, ...values])
  }
  return all
}

/** A value as plain data. */
export function plain(value: HclValue): unknown {
  switch (value.kind) {
    case 'list':
      return value.items.map(plain)
    case 'object':
      return Object.fromEntries(value.items.map((item) => [item.key, plain(item.value)]))
    case 'null':
      return null
    case 'string':
    case 'number':
    case 'bool':
      return value.value
  }
}
