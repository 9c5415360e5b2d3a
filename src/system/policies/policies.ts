import { Fault, refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import type { Caller } from '../../contract/identity.ts'
import { folded } from '../../contract/names.ts'
import { answer, done } from '../../contract/response.ts'
import type { Response } from '../../contract/response.ts'
import { injected } from '../../contract/wire/returns.ts'
import { routesOf } from '../../contract/route.ts'
import type { Alias, Call, Route } from '../../contract/route.ts'
import { rfc3339 } from '../../util/clock.ts'

/** A policy as these routes see it. Times are epoch milliseconds. */
export interface PolicyEntry {
  readonly name: string
  readonly policy: string
  readonly version: number
  readonly modified?: number
  readonly casRequired: boolean
  readonly expiration?: number
  readonly allowWildcards: boolean
  readonly allowSlashes: boolean
}

/** The parameters of a write or patch. */
export interface PolicyChangeRequest {
  readonly policy?: string
  readonly cas?: number
  readonly casRequired?: boolean
  readonly expiration?: number
  readonly allowWildcards?: boolean
  readonly allowSlashes?: boolean
}

/** The policy store, for these routes. It canonicalises names itself. */
export interface PolicyPort {
  get(name: string): Promise<PolicyEntry | undefined>
  list(prefix: string): Promise<string[]>
  write(name: string, change: PolicyChangeRequest & { readonly policy: string }): Promise<void>
  /** False when there is no such policy. */
  patch(name: string, change: PolicyChangeRequest): Promise<boolean>
  delete(name: string): Promise<void>
  /** Epoch milliseconds. */
  now(): number
}

type Has = { readonly policies: PolicyPort }
const { read, list, write, patch, remove } = routesOf<Has>()

const name = { name: f.string('Name of the policy; letter case does not count.').or('') }
const canonical = { name: folded }
/** The older and the newer path of a policy. */
const older: Alias = ({ name: wanted = '' }) => `policy/${wanted}`
const newer: Alias = ({ name: wanted = '' }) => `policies/acl/${wanted}`
const prefix = { prefix: f.string('Only names below this prefix.').or('') }
const changeFields = {
  ...name,
  policy: f.string('The policy: HCL, JSON, or base64 of either.').or(''),
  cas: f.int('The version that must be there now; -1: none.').limiting(),
  cas_required: f.bool('Later writes must give cas.').limiting(),
  ttl: f.any('How long the policy lives.'),
  expiration: f.string('When the policy ends, RFC 3339 or Unix seconds.').limiting(),
  allow_wildcards_in_identity_templates: f.bool('Values of templates may have * and +, as letters.'),
  allow_slashes_in_identity_templates: f.bool('Values of templates may have /.'),
}
/** A write replaces all of a policy: flags that are left out are off. */
const writeFields = {
  ...changeFields,
  cas_required: changeFields.cas_required.or(false),
  allow_wildcards_in_identity_templates: changeFields.allow_wildcards_in_identity_templates.or(false),
  allow_slashes_in_identity_templates: changeFields.allow_slashes_in_identity_templates.or(false),
}
const oldFields = { ...writeFields, rules: f.string('Older name of policy.').alias('policy').or('') }

const listMembers = { keys: f.list('Their names.') }
const oldListMembers = injected({ ...listMembers, policies: f.list('The same.') })
const documentless = {
  name: f.string('Its name.'),
  version: f.int('Counts its changes.'),
  cas_required: f.bool('Writes must give cas.'),
  allow_wildcards_in_identity_templates: changeFields.allow_wildcards_in_identity_templates,
  allow_slashes_in_identity_templates: changeFields.allow_slashes_in_identity_templates,
  modified: f.string('When it was last written.'),
  expiration: f.string('When it expires; absent: never.'),
}
const policyMembers = { ...documentless, policy: f.string('The policy as it was written.') }
const oldPolicyMembers = injected({ ...documentless, rules: policyMembers.policy })

/** `sys/policies/acl`, `sys/policies/detailed/acl`, and the older `sys/policy`. */
export function policyRoutes(): Route<Has>[] {
  return [...listRoutes(), ...recordRoutes(), ...oldRoutes()]
}

function listRoutes(): Route<Has>[] {
  const names = async (policies: PolicyPort, below: string) => listed(await policies.list(folder(below)))
  const details = async ({ engine: { policies }, caller }: Pick<Call<Has>, 'engine' | 'caller'>, below: string) =>
    detailed(policies, await policies.list(folder(below)), caller)
  return [
    list('policies/acl', {
      about: 'List policies.',
      returns: listMembers,
      alias: () => ['policy', 'policy/'],
      handle: async ({ engine }) => names(engine.policies, ''),
    }),
    list('policies/acl/*name', {
      about: 'List policies below a prefix.',
      returns: listMembers,
      alias: older,
      fields: name,
      handle: async ({ engine }, values) => names(engine.policies, values.name),
    }),
    list('policies/detailed/acl', {
      about: 'List policies with their rules.',
      returns: { ...listMembers, key_info: f.object('The policies, by name.') },
      handle: async (call) => details(call, ''),
    }),
    list('policies/detailed/acl/*prefix', {
      about: 'List policies below a prefix with their rules.',
      returns: { ...listMembers, key_info: f.object('The policies, by name.') },
      fields: prefix,
      handle: async (call, values) => details(call, values.prefix),
    }),
  ]
}

function recordRoutes(): Route<Has>[] {
  return [
    read('policies/acl/*name', {
      about: 'Read a policy.',
      returns: policyMembers,
      canonical,
      alias: older,
      fields: name,
      handle: async ({ engine }, values) => answer(entry(await existing(engine.policies, values.name))),
    }),
    write('policies/acl/*name', {
      about: 'Write a policy.',
      canonical,
      alias: older,
      fields: writeFields,
      handle: async (call, values) => store(call, values),
    }),
    patch('policies/acl/*name', {
      about: 'Change parts of a policy.',
      canonical,
      alias: older,
      fields: changeFields,
      handle: async ({ engine, request }, values) => amend(engine.policies, values, request.data),
    }),
    remove('policies/acl/*name', {
      about: 'Remove a policy.',
      canonical,
      alias: older,
      fields: name,
      handle: async ({ engine }, values) => erase(engine.policies, values.name),
    }),
  ]
}

async function oldList(policies: PolicyPort, below: string): Promise<Response> {
  const keys = await policies.list(folder(below))
  if (keys.length === 0) throw new Fault('not_found', 'no policies')
  return { data: { keys, policies: keys }, inject: true }
}

function oldRoutes(): Route<Has>[] {
  return [
    ...[read, list].map((make) =>
      make('policy', {
        about: 'List policies (older form).',
        returns: oldListMembers,
        alias: () => ['policies/acl', 'policies/acl/'],
        handle: async ({ engine }) => oldList(engine.policies, ''),
      }),
    ),
    list('policy/*name', {
      about: 'List policies below a prefix (older form).',
      returns: oldListMembers,
      alias: newer,
      fields: name,
      handle: async ({ engine }, values) => oldList(engine.policies, values.name),
    }),
    read('policy/*name', {
      about: 'Read a policy (older form).',
      returns: oldPolicyMembers,
      canonical,
      alias: newer,
      fields: name,
      handle: async ({ engine }, values) => {
        const { policy, ...rest } = entry(await existing(engine.policies, values.name))
        return { data: { ...rest, rules: policy }, inject: true }
      },
    }),
    write('policy/*name', {
      about: 'Write a policy (older form).',
      canonical,
      alias: newer,
      fields: oldFields,
      handle: async (call, values) => {
        if (values.policy !== '' || values.rules === '') return store(call, values)
        const response = await store(call, { ...values, policy: values.rules })
        return done(['"rules" is the old name of "policy"; use "policy"', ...(response.warnings ?? [])])
      },
    }),
    remove('policy/*name', {
      about: 'Remove a policy (older form).',
      canonical,
      alias: newer,
      fields: name,
      handle: async ({ engine }, values) => erase(engine.policies, values.name),
    }),
  ]
}

const folder = (below: string): string => (below === '' || below.endsWith('/') ? below : `${below}/`)

function listed(keys: readonly string[]): Response {
  if (keys.length === 0) throw new Fault('not_found', 'no policies')
  return answer({ keys })
}

/** Leaves out the documents of policies that the caller is denied to read. */
async function detailed(policies: PolicyPort, keys: readonly string[], caller: Caller): Promise<Response> {
  if (keys.length === 0) throw new Fault('not_found', 'no policies')
  const visible = keys.filter((key) => !caller.denies(`sys/policies/acl/${key}`) && !caller.denies(`sys/policy/${key}`))
  const found = await Promise.all(visible.map(async (key) => policies.get(key)))
  const info = found.flatMap((policy) => (policy ? [[policy.name, entry(policy)] as const] : []))
  return answer({ keys, key_info: Object.fromEntries(info) })
}

async function existing(policies: PolicyPort, wanted: string): Promise<PolicyEntry> {
  const policy = await policies.get(wanted)
  if (!policy) throw new Fault('not_found', 'no such policy')
  return policy
}

function entry(policy: PolicyEntry): Record<string, unknown> {
  return {
    name: policy.name,
    policy: policy.policy,
    version: policy.version,
    cas_required: policy.casRequired,
    allow_wildcards_in_identity_templates: policy.allowWildcards,
    allow_slashes_in_identity_templates: policy.allowSlashes,
    ...(policy.modified !== undefined && { modified: rfc3339(policy.modified) }),
    ...(policy.expiration !== undefined && {
      expiration: new Date(policy.expiration).toISOString().replace('.000Z', 'Z'),
    }),
  }
}

interface PolicyValues {
  readonly name: string
  readonly policy: string
  readonly cas: number | undefined
  readonly cas_required: boolean | undefined
  readonly ttl: unknown
  readonly expiration: string | undefined
  readonly allow_wildcards_in_identity_templates: boolean | undefined
  readonly allow_slashes_in_identity_templates: boolean | undefined
}

function changeOf(
  policies: PolicyPort,
  values: PolicyValues,
  data: Readonly<Record<string, unknown>>,
): PolicyChangeRequest {
  if (data['policy'] !== undefined && typeof data['policy'] !== 'string')
    throw refuse('"policy" must be a string, in HCL or JSON')
  const end = expirationOf(policies.now(), values, Object.hasOwn(data, 'ttl'))
  return {
    ...(values.policy !== '' && { policy: values.policy }),
    ...(values.cas !== undefined && { cas: values.cas }),
    ...(values.cas_required !== undefined && { casRequired: values.cas_required }),
    ...(end !== undefined && { expiration: end }),
    ...(values.allow_wildcards_in_identity_templates !== undefined && {
      allowWildcards: values.allow_wildcards_in_identity_templates,
    }),
    ...(values.allow_slashes_in_identity_templates !== undefined && {
      allowSlashes: values.allow_slashes_in_identity_templates,
    }),
  }
}

function expirationOf(now: number, values: PolicyValues, hasTtl: boolean): number | undefined {
  if (hasTtl && values.expiration) throw refuse('give "ttl" or "expiration", not both')
  if (hasTtl) {
    const seconds = f.duration('').parse(values.ttl)
    if (!seconds) throw refuse('"ttl" must be a duration longer than zero, such as "1h"')
    return now + seconds * 1000
  }
  if (!values.expiration) return undefined
  const end = timeOf(values.expiration)
  if (Number.isNaN(end)) throw refuse('"expiration" must be a time such as 2030-01-02T03:04:05Z, or Unix seconds')
  if (end <= now) throw refuse('"expiration" has passed already: give a time that is still to come')
  return end
}

/** Epoch milliseconds, from RFC 3339 or from Unix seconds; NaN for anything else. */
function timeOf(input: string): number {
  if (/^[1-9]\d{0,11}$/.test(input)) return Number(input) * 1000
  return /^\d{4}-\d\d-\d\dT/.test(input) ? Date.parse(input) : NaN
}

async function store({ engine: { policies }, request, spelled }: Call<Has>, values: PolicyValues): Promise<Response> {
  const change = changeOf(policies, values, request.data)
  if (change.policy === undefined) throw refuse("'policy' parameter not supplied or empty")
  await policies.write(values.name, { ...change, policy: change.policy })
  if (spelled['name'] === values.name) return done()
  return done([`policy names are kept in lower case: this one is "${values.name}"`])
}

async function amend(
  policies: PolicyPort,
  values: PolicyValues,
  data: Readonly<Record<string, unknown>>,
): Promise<Response> {
  if (!(await policies.patch(values.name, changeOf(policies, values, data))))
    throw new Fault('not_found', 'no such policy')
  return { data: null }
}

async function erase(policies: PolicyPort, wanted: string): Promise<Response> {
  await policies.delete(wanted)
  return done()
}
