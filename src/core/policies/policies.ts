import { asFault, Fault, refuse } from '../../contract/fault.ts'
import type { Closer } from '../../contract/storage.ts'
import type { Transaction, View } from '../../contract/view.ts'
import { builtinPolicies } from '../../policy/builtin.ts'
import { parsePolicy } from '../../policy/document.ts'
import type { PolicyDocument } from '../../policy/document.ts'
import { byteOrder, fromBase64, text } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import { isCount, isFlag, isName, isText, isTime, orAbsent, shapeOf } from '../../util/stored/shape.ts'
import { perObject } from '../../util/caches/per-object.ts'

/** A policy as it is kept. Times are epoch milliseconds. */
export interface PolicyRecord {
  readonly name: string
  readonly policy: string
  readonly version: number
  readonly modified?: number
  readonly casRequired: boolean
  readonly expiration?: number
  readonly allowWildcards: boolean
  readonly allowSlashes: boolean
}

const policyShape = shapeOf<PolicyRecord>('a policy', {
  name: isName,
  policy: isText,
  version: isCount,
  modified: orAbsent(isTime),
  casRequired: isFlag,
  expiration: orAbsent(isTime),
  allowWildcards: isFlag,
  allowSlashes: isFlag,
})

/** The settings of a write; an absent member keeps (patch) or resets (write) the old value. */
export interface PolicyChange {
  readonly policy?: string
  readonly cas?: number
  readonly casRequired?: boolean
  /** null removes it. */
  readonly expiration?: number | null
  readonly allowWildcards?: boolean
  readonly allowSlashes?: boolean
}

/** ACL policies by name, as strings and as parsed documents. Names are in lower case. */
export class Policies {
  readonly #view: View
  readonly #clock: Clock
  /** By the shared record object that the view hands out: a changed policy is another object. */
  readonly #parsed = perObject(parsedAgain)
  readonly #watch: Closer
  #epoch = 0

  constructor(view: View, clock: Clock) {
    this.#view = view
    this.#clock = clock
    this.#watch = view.watch('', () => {
      this.#epoch++
    })
  }

  /** Grows with every change of a policy; compiled decisions of an older epoch are stale. */
  get epoch(): number {
    return this.#epoch
  }

  /** Its namespace was removed. */
  close(): void {
    this.#watch.close()
  }

  /** Creates the missing built-in policies. */
  async ready(): Promise<void> {
    for (const [name, policy] of Object.entries(builtinPolicies)) {
      if (name !== 'root' && !(await this.get(name))) await this.#store(name, () => ({ policy }))
    }
  }

  async get(name: string): Promise<PolicyRecord | undefined> {
    const canonical = policyName(name)
    if (canonical === 'root') return rootPolicy
    const record = await this.#view.get(keyOf(canonical), policyShape)
    return record && !this.#expired(record) ? record : undefined
  }

  /** The parsed policy. An absent or expired policy allows nothing: undefined. */
  async document(
    name: string,
  ): Promise<{ readonly record: PolicyRecord; readonly document: PolicyDocument } | undefined> {
    const record = await this.get(name)
    if (!record) return undefined
    return { record, document: this.#parsed(record) }
  }

  /** Names of all policies below a prefix such as `team/` ('' for all), by byte order, `root` last. */
  async list(prefix: string): Promise<string[]> {
    const names = (await this.#view.list(''))
      .map(nameOf)
      .filter((name) => name.startsWith(prefix) && name !== 'response-wrapping')
    const present = await Promise.all(names.map(async (name) => ((await this.get(name)) ? name : undefined)))
    const sorted = present.filter((name) => name !== undefined).sort(byteOrder)
    return prefix === '' ? [...sorted, 'root'] : sorted
  }

  /** Writes a whole policy. @throws Fault on a syntax error, a failed check-and-set, a built-in name. */
  async write(name: string, change: PolicyChange & { readonly policy: string }): Promise<void> {
    await this.#store(editable(name, 'update'), () => change, change.cas)
  }

  /** Changes the given settings and keeps the rest. */
  async patch(name: string, change: PolicyChange): Promise<boolean> {
    const canonical = editable(name, 'update')
    if (!(await this.get(canonical))) return false
    await this.#store(
      canonical,
      (old) => ({ ...settingsOf(old), ...change, policy: change.policy ?? old?.policy ?? '' }),
      change.cas,
      true,
    )
    return true
  }

  async delete(name: string): Promise<void> {
    const canonical = editable(name, 'delete')
    if (canonical === 'default') throw refuse('cannot delete default policy')
    await this.#view.del(keyOf(canonical))
  }

  async #store(
    name: string,
    next: (old: PolicyRecord | undefined) => PolicyChange & { readonly policy: string },
    cas?: number,
    patching = false,
  ): Promise<void> {
    await this.#view.transaction(async (tx: Transaction) => {
      const stored = await tx.get(keyOf(name), policyShape)
      const old = stored && !this.#expired(stored) ? stored : undefined
      const change = next(old)
      checkCas(old, cas, patching ? false : (change.casRequired ?? false), patching)
      const policy = decodedPolicy(change.policy)
      parsePolicy(policy, name)
      tx.put(keyOf(name), recordOf(name, { ...change, policy }, (old?.version ?? 0) + 1, this.#clock.now()))
    })
  }

  #expired(record: PolicyRecord): boolean {
    return record.expiration !== undefined && record.expiration <= this.#clock.now()
  }
}

function recordOf(
  name: string,
  change: PolicyChange & { readonly policy: string },
  version: number,
  modified: number,
): PolicyRecord {
  return {
    name,
    policy: change.policy,
    version,
    modified,
    casRequired: change.casRequired ?? false,
    ...(change.expiration && { expiration: change.expiration }),
    allowWildcards: change.allowWildcards ?? false,
    allowSlashes: change.allowSlashes ?? false,
  }
}

/** @throws Fault internal for a stored policy that this release does not accept: it must not count as empty. */
function parsedAgain({ policy, name }: PolicyRecord): PolicyDocument {
  try {
    return parsePolicy(policy, name)
  } catch (cause) {
    const why = asFault(cause).message
    throw new Fault('internal', `the stored policy "${name}" cannot be used: ${why}. Write it anew.`, { cause })
  }
}

/** The records of the built-in policies, by name, for a new namespace. */
export function firstPolicies(now: number): [string, PolicyRecord][] {
  const builtin = Object.entries(builtinPolicies).filter(([name]) => name !== 'root')
  return builtin.map(([name, policy]) => [keyOf(name), recordOf(name, { policy }, 1, now)])
}

const rootPolicy: PolicyRecord = {
  name: 'root',
  policy: '',
  version: 0,
  casRequired: false,
  allowWildcards: false,
  allowSlashes: false,
}

/** The one canonical form of a policy name: comparisons, storage and tokens all use it (CVE-2025-5999). */
function policyName(name: string): string {
  return name.toLowerCase()
}

// A name is one segment of the view, slashes and all: policies have no folders.
const keyOf = (name: string): string => encodeURIComponent(name)
const nameOf = (key: string): string => decodeURIComponent(key)

function editable(name: string, verb: 'update' | 'delete'): string {
  const canonical = policyName(name)
  if (canonical.trim() === '') throw refuse('the policy needs a name')
  if (canonical !== canonical.trim()) throw refuse('a name cannot begin or end with a space')
  if (canonical === 'root' || canonical === 'response-wrapping') throw refuse(`cannot ${verb} "${canonical}" policy`)
  return canonical
}

function settingsOf(old: PolicyRecord | undefined): PolicyChange {
  if (!old) return {}
  const { casRequired, expiration, allowWildcards, allowSlashes } = old
  return { casRequired, allowWildcards, allowSlashes, ...(expiration && { expiration }) }
}

/** −1 must not exist; 0 also fits a policy that does not exist; anything else is the current version. */
function checkCas(old: PolicyRecord | undefined, cas: number | undefined, required: boolean, patching: boolean): void {
  if (cas === undefined) {
    // A patch names what it changes: it cannot overwrite unseen what others wrote.
    if (!patching && (old?.casRequired || required)) throw refuse('check-and-set parameter required for this call')
    return
  }
  if (old && cas === -1)
    throw refuse(`the policy "${old.name}" exists already, and cas is -1: only make it if it does not`)
  const fits = old ? cas === old.version : cas === -1 || cas === 0
  if (!fits) throw refuse('check-and-set parameter did not match the current version')
}

/** The text of a policy, which may be given in base64. */
export function decodedPolicy(policy: string): string {
  const bytes = /^[A-Za-z0-9+/=\r\n]+$/.test(policy) ? fromBase64(policy) : undefined
  return bytes ? text(bytes) : policy
}
