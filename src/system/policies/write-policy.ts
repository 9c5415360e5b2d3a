import { Fault, refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { done } from '../../contract/response.ts'
import type { Response } from '../../contract/response.ts'
import type { Call } from '../../contract/route.ts'
import type { PolicyChangeRequest, PolicyPort, Has } from './policy-port.ts'

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

/** Writes a policy, with a warning if its name was not in canonical form. @throws Fault invalid_request */
export async function store(
  { engine: { policies }, request, rawParams }: Call<Has>,
  values: PolicyValues,
): Promise<Response> {
  const change = changeOf(policies, values, request.data)
  if (change.policy === undefined) throw refuse("'policy' parameter not supplied or empty")
  await policies.write(values.name, { ...change, policy: change.policy })
  if (rawParams['name'] === values.name) return done()
  return done([`policy names are kept in lower case: this one is "${values.name}"`])
}

/** Changes parts of a policy. @param data the parameters as they were sent. @throws Fault not_found or invalid_request */
export async function amend(
  policies: PolicyPort,
  values: PolicyValues,
  data: Readonly<Record<string, unknown>>,
): Promise<Response> {
  if (!(await policies.patch(values.name, changeOf(policies, values, data))))
    throw new Fault('not_found', 'no such policy')
  return { data: null }
}

/** Removes a policy; absent is fine. */
export async function erase(policies: PolicyPort, wanted: string): Promise<Response> {
  await policies.delete(wanted)
  return done()
}
