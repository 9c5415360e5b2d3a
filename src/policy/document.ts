import { refuse } from '../contract/fault.ts'
import { capabilities } from '../contract/identity.ts'
import type { Capability } from '../contract/identity.ts'
import { parseHcl } from '../util/hcl/hcl.ts'
import { HclError, once } from '../util/hcl/values.ts'
import type { HclItem, HclValue, Position } from '../util/hcl/values.ts'
import { compileKeyFilter } from './key-filter.ts'
import type { KeyFilter } from './key-filter.ts'
import {
  membersOf,
  parametersOf,
  requiredOf,
  ruleLimits,
  secondsOf,
  textOf,
  textsOf,
  timeOf,
  wholeOf,
} from './parameters/values.ts'
import type { ParameterRules } from './parameters/values.ts'

/** The limits of one policy: it is read and compiled within one turn of the event loop. */
const limits = { characters: 256 * 1024, parts: 16_000, rules: 2000 } as const

/**
 * One `path "…" { … }` stanza. Wrapping TTLs in seconds, expiration in epoch milliseconds. Wrapping TTLs and the
 * pagination limit are 1 or more.
 */
export interface PathRule {
  /** Without leading slash; ends in `*` for a prefix, may have `+` segments. */
  readonly path: string
  readonly capabilities: ReadonlySet<Capability>
  readonly allowed?: ParameterRules
  readonly denied?: ParameterRules
  readonly required: ReadonlySet<string>
  readonly minWrappingTtl?: number
  readonly maxWrappingTtl?: number
  readonly paginationLimit?: number
  /** Maps each name of a list to a path. A list shows only names whose path the caller could read. */
  readonly keyFilter?: KeyFilter
  readonly expiration?: number
  /** The path has `{{…}}`, which are replaced by values of the caller. */
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
    for (const item of parseHcl(source, limits)) {
      rules.push(...stanzas(item))
      if (rules.length > limits.rules) throw new HclError(`a policy has at most ${limits.rules} rules`, item.at)
    }
    return { rules }
  } catch (thrown) {
    if (thrown instanceof HclError) throw refuse(`policy "${name}" cannot be read, at ${thrown.message}`)
    throw thrown
  }
}

function stanzas(item: HclItem): PathRule[] {
  if (item.key === 'name' && item.value.kind === 'string') return []
  if (item.key !== 'path')
    throw new HclError(`"${item.key}" is unknown; a policy consists of path "…" { … } stanzas`, item.at)
  if (item.labels.length > 1) throw new HclError('a path stanza has one path', item.at)
  const [label] = item.labels
  if (label !== undefined) return [ruleOf(label, item.value)]
  // JSON, and HCL's `path = { "x" = { … } }`: the paths are the keys of an object (or of several in a list).
  const rules = alternatives(item.value).flatMap((body) =>
    membersOf(body, 'path').flatMap((inner) => {
      if (inner.labels.length > 0) throw new HclError('a path stanza has one path', inner.at)
      return alternatives(inner.value).map((each) => ruleOf(inner.key, each))
    }),
  )
  if (rules.length === 0) throw new HclError('a path stanza lacks its path: path "…" { … }', item.at)
  return rules
}

const alternatives = (value: HclValue): readonly HclValue[] => (value.kind === 'list' ? value.items : [value])

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
  allowed_parameters: (draft, value) => void (draft.allowed = parametersOf(value, 'allowed_parameters')),
  denied_parameters: (draft, value) => void (draft.denied = parametersOf(value, 'denied_parameters')),
  required_parameters: (draft, value) => void (draft.required = requiredOf(value, 'required_parameters')),
  min_wrapping_ttl: (draft, value) => void (draft.minWrappingTtl = secondsOf(value, 'min_wrapping_ttl')),
  max_wrapping_ttl: (draft, value) => void (draft.maxWrappingTtl = secondsOf(value, 'max_wrapping_ttl')),
  pagination_limit: (draft, value) => void (draft.paginationLimit = wholeOf(value, 'pagination_limit')),
  expiration: (draft, value) => void (draft.expiration = timeOf(value, 'expiration')),
  list_scan_response_keys_filter_path: (draft, value) => {
    const filter = compileKeyFilter(textOf(value, 'list_scan_response_keys_filter_path'))
    if (!filter)
      throw new HclError(
        'list_scan_response_keys_filter_path is a path with {{ .key }}, and {{ .path }} where wanted, in it',
        value.at,
      )
    draft.keyFilter = filter
  },
  mfa_methods: (_, value) => {
    throw new HclError('mfa_methods are not offered by this server: the rule would not be enforced', value.at)
  },
  control_group: (_, value) => {
    throw new HclError('control groups are not offered by this server: the rule would not be enforced', value.at)
  },
}

const none: ReadonlySet<string> = new Set()

function ruleOf(label: string, body: HclValue): PathRule {
  const path = label.startsWith('/') ? label.slice(1) : label
  checkPath(path, body)
  const draft = draftOf(path, body)
  checkWrappingTtls(draft, body)
  const granted = draft.capabilities ?? new Set<Capability>()
  if (draft.keyFilter && !granted.has('list') && !granted.has('deny'))
    throw new HclError(`path "${path}": list_scan_response_keys_filter_path needs the capability "list"`, body.at)
  // Deny takes precedence: with it, nothing else is allowed.
  return {
    ...draft,
    path,
    capabilities: granted.has('deny') ? new Set(['deny']) : granted,
    required: draft.required ?? none,
    templated: path.includes('{{'),
  }
}

/** The settings of a stanza, each as its own setter reads it. */
function draftOf(path: string, body: HclValue): Draft {
  const draft: Draft = { path }
  const seen = new Map<string, Position>()
  for (const { key, value, labels, at } of membersOf(body, `path "${path}"`)) {
    const set = Object.hasOwn(settings, key) ? settings[key] : undefined
    if (!set || labels.length > 0) throw new HclError(`path "${path}": "${key}" is not known`, at)
    // A block such as `denied_parameters { … }` is no attribute, but may occur only once as well.
    once(seen, key, at)
    set(draft, value)
  }
  return draft
}

function checkWrappingTtls(draft: Draft, body: HclValue): void {
  if (
    !draft.capabilities?.has('deny') &&
    draft.minWrappingTtl !== undefined &&
    draft.maxWrappingTtl !== undefined &&
    draft.maxWrappingTtl < draft.minWrappingTtl
  ) {
    throw new HclError(`path "${draft.path}": max_wrapping_ttl cannot be less than min_wrapping_ttl`, body.at)
  }
}

function checkPath(path: string, body: HclValue): void {
  if (path.length > ruleLimits.text)
    throw new HclError(`a path is longer than ${ruleLimits.text} characters: no request has such a path`, body.at)
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

/** Words after a deny are ignored: it cannot be overridden. */
function capabilitiesOf(words: readonly string[], draft: Draft, value: HclValue): readonly Capability[] {
  const deny = words.indexOf('deny')
  return words.slice(0, deny < 0 ? undefined : deny + 1).map((word) => capabilityOf(word, draft, value))
}

function capabilityOf(word: string, draft: Draft, value: HclValue): Capability {
  const capability = capabilities.find((name) => name === word)
  if (!capability) throw new HclError(`path "${draft.path}": invalid capability "${word}"`, value.at)
  return capability
}
