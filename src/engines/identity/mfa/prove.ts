import { Fault } from '../../../contract/fault.ts'
import type { MfaDemand, MfaMethodInfo, Passcodes } from '../../../contract/wire/mfa.ts'
import type { Transaction } from '../../../contract/view.ts'
import { counterOf } from '../../../crypto/one-time/codes.ts'
import type { Identity } from '../identity.ts'
import { methodById } from './methods.ts'
import { atMfa, factorsShape, noFactors } from './records.ts'
import type { FactorsRecord, MethodRecord } from './records.ts'

/** How long wrong codes are remembered, and how long too many of them lock a method, milliseconds. */
const lockedFor = 15 * 60_000

/** The judgement of the passcodes for one method; why it is not proven, if it is not. */
type Evaluation = { readonly factors: FactorsRecord; readonly why?: string }

/**
 * Checks the passcodes of an entity, and uses them up: in one commit, so that of many at once each counts. A right code that
 * was used before counts as a wrong one, and is refused alike.
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

/** The methods of the demands by id, without those that are gone. */
async function configured(
  identity: Identity,
  demands: readonly MfaDemand[],
): Promise<ReadonlyMap<string, MethodRecord>> {
  const found = new Map<string, MethodRecord>()
  for (const { id } of demands.flatMap(({ methods }) => methods)) {
    const method = await methodById(identity, id)
    if (method) found.set(id, method)
  }
  return found
}

interface Proof {
  readonly entityId: string
  readonly demands: readonly MfaDemand[]
  readonly methods: ReadonlyMap<string, MethodRecord>
  readonly passcodes: Passcodes
}

/** The reason why not all demands are met; undefined when they are. Each method is judged once, whoever demands it. */
async function evaluateAll(identity: Identity, tx: Transaction, proof: Proof): Promise<string | undefined> {
  const { entityId, demands, methods, passcodes } = proof
  const place = atMfa.entity(entityId)
  const before = (await tx.get(place, factorsShape)) ?? noFactors
  const now = identity.clock.now()
  let factors: FactorsRecord = { ...before, used: before.used.filter(({ until }) => now < until) }
  const whyNot = new Map<string, string | undefined>()
  for (const [id, method] of methods) {
    const sent = sentFor(method, passcodes)
    if (sent === undefined) continue
    const evaluation = evaluated(factors, method, { sent, now, entityId })
    factors = evaluation.factors
    whyNot.set(id, evaluation.why)
  }
  // A record of nobody is not made: of an entity without a key there is nothing to count.
  if (before !== noFactors) tx.put(place, factors)
  for (const { name, methods: accepted } of demands) {
    const why = unmet(accepted, whyNot)
    if (why !== undefined) return `failed to satisfy enforcement ${name}. error: ${why}`
  }
  return undefined
}

/** Why none of the methods that a demand accepts is proven. */
function unmet(
  accepted: readonly MfaMethodInfo[],
  whyNot: ReadonlyMap<string, string | undefined>,
): string | undefined {
  const failedMethods = accepted.filter(({ id }) => whyNot.has(id))
  if (failedMethods.some(({ id }) => whyNot.get(id) === undefined)) return undefined
  const [first] = failedMethods
  if (first) return whyNot.get(first.id)
  return `MFA credentials not supplied: send a passcode for one of its methods (${accepted.map(({ id, name }) => name || id).join(', ')})`
}

/** The passcodes under the id and under the name of a method; undefined: none were sent. */
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
  // Nothing is counted while it is locked, so that guesses do not extend the lock.
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

/** The one passcode, plain or as `passcode=123456`; '' for anything else, which no code is. */
function passcodeOf(sent: readonly string[]): string {
  const [first = '', ...others] = sent.filter((one) => one !== '')
  return others.length > 0 ? '' : first.replace(/^passcode=/, '')
}

const tooMany = (milliseconds: number): string =>
  `maximum TOTP validation attempts exceeded: wrong codes have locked the method for this entity; try again in ${Math.ceil(milliseconds / 1000)} seconds`
