import { Fault } from '../../../contract/fault.ts'
import type { MfaDemand, MfaMethodInfo, Passcodes } from '../../../contract/wire/mfa.ts'
import type { Transaction } from '../../../contract/view.ts'
import { counterOf } from '../../../crypto/one-time/codes.ts'
import type { Identity } from '../identity.ts'
import { methodById } from './methods.ts'
import { atMfa, factorsShape, noFactors } from './records.ts'
import type { FactorsRecord, MethodRecord } from './records.ts'

/** How long wrong codes are counted, and how long too many of them lock a method, milliseconds. */
const lockedFor = 15 * 60_000

/** The result of checking the passcodes for one method. `why`: the reason if the method is not proven. */
type Evaluation = { readonly factors: FactorsRecord; readonly why?: string }

/**
 * Checks the passcodes of an entity and marks them as used, in one commit, so that concurrent attempts are all counted. A used
 * code is treated as a wrong one, and refused in the same way.
 * @throws Fault permission_denied unless every demand is met
 */
export async function prove(
  identity: Identity,
  entityId: string,
  demands: readonly MfaDemand[],
  passcodes: Passcodes,
): Promise<void> {
  const methods = await configured(identity, demands)
  const refusal = await identity.view.transaction(async (tx) =>
    evaluateAll(identity, tx, { entityId, demands, methods, passcodes }),
  )
  if (refusal !== undefined) throw new Fault('permission_denied', refusal)
}

/** The methods of the demands, by id, without removed ones. */
async function configured(
  identity: Identity,
  demands: readonly MfaDemand[],
): Promise<ReadonlyMap<string, MethodRecord>> {
  const configuredMethods = new Map<string, MethodRecord>()
  for (const { id } of demands.flatMap(({ methods }) => methods)) {
    const method = await methodById(identity, id)
    if (method) configuredMethods.set(id, method)
  }
  return configuredMethods
}

interface Proof {
  readonly entityId: string
  readonly demands: readonly MfaDemand[]
  readonly methods: ReadonlyMap<string, MethodRecord>
  readonly passcodes: Passcodes
}

/** The reason why not all demands are met; undefined when they are. Each method is checked once, even if several demands accept it. */
async function evaluateAll(identity: Identity, tx: Transaction, proof: Proof): Promise<string | undefined> {
  const { entityId, demands, methods, passcodes } = proof
  const key = atMfa.entity(entityId)
  const before = (await tx.get(key, factorsShape)) ?? noFactors
  const now = identity.clock.now()
  let factors: FactorsRecord = { ...before, used: before.used.filter(({ until }) => now < until) }
  const reasons = new Map<string, string | undefined>()
  for (const [id, method] of methods) {
    const sent = sentFor(method, passcodes)
    if (sent === undefined) continue
    const evaluation = evaluated(factors, method, { sent, now, entityId })
    factors = evaluation.factors
    reasons.set(id, evaluation.why)
  }
  // No record is created for an entity without keys: there is nothing to count.
  if (before !== noFactors) tx.put(key, factors)
  for (const { name, methods: accepted } of demands) {
    const why = unmet(accepted, reasons)
    if (why !== undefined) return `failed to satisfy enforcement ${name}. error: ${why}`
  }
  return undefined
}

/** The reason why none of the accepted methods of a demand is proven; undefined if one is. */
function unmet(
  accepted: readonly MfaMethodInfo[],
  reasons: ReadonlyMap<string, string | undefined>,
): string | undefined {
  const attempted = accepted.filter(({ id }) => reasons.has(id))
  if (attempted.some(({ id }) => reasons.get(id) === undefined)) return undefined
  const [first] = attempted
  if (first) return reasons.get(first.id)
  return `MFA credentials not supplied: send a passcode for one of its methods (${accepted.map(({ id, name }) => name || id).join(', ')})`
}

/** The passcodes for the id and for the name of a method; undefined: none were sent. */
function sentFor({ id, name }: MethodRecord, passcodes: Passcodes): readonly string[] | undefined {
  const [byId, byName] = [passcodes.get(id), name === '' ? undefined : passcodes.get(name)]
  return byId || byName ? [...(byId ?? []), ...(byName ?? [])] : undefined
}

interface Attempt {
  readonly sent: readonly string[]
  readonly now: number
  readonly entityId: string
}

const wrong = 'MFA credentials not supplied or incorrect; a code is accepted once'

function evaluated(factors: FactorsRecord, method: MethodRecord, { sent, now, entityId }: Attempt): Evaluation {
  const key = factors.keys.find((one) => one.method === method.id)
  if (!key) {
    const named = method.name || method.id
    const help = 'an operator generates one with identity/mfa/method/totp/admin-generate'
    return { factors, why: `MFA secret for method name "${named}" not present in entity "${entityId}": ${help}` }
  }
  const failed = factors.failures.find((one) => one.method === method.id && now < one.last + lockedFor)
  const count = failed?.count ?? 0
  // While locked, nothing is counted, so that guesses do not extend the lock.
  if (failed && count >= method.maxAttempts) return { factors, why: tooMany(failed.last + lockedFor - now) }
  const others = factors.failures.filter((one) => one.method !== method.id)
  const code = passcodeOf(sent)
  const isUsed = factors.used.some((one) => one.method === method.id && one.code === code)
  const counter = code.length === key.digits ? counterOf(key, code, now) : undefined
  if (counter === undefined || isUsed) {
    const failures = [...others, { method: method.id, count: count + 1, last: now }]
    return { factors: { ...factors, failures }, why: wrong }
  }
  const until = (counter + 2) * key.period * 1000
  const used = [...factors.used, { method: method.id, code, until }]
  return { factors: { ...factors, used, failures: others } }
}

/** The only passcode, plain or as `passcode=123456`; '' for anything else, which matches no code. */
function passcodeOf(sent: readonly string[]): string {
  const [first = '', ...others] = sent.filter((one) => one !== '')
  return others.length > 0 ? '' : first.replace(/^passcode=/, '')
}

const tooMany = (milliseconds: number): string =>
  `maximum TOTP validation attempts exceeded: wrong codes have locked the method for this entity; try again in ${Math.ceil(milliseconds / 1000)} seconds`
