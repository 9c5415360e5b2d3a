import type { OneTimeKey } from '../../../crypto/one-time/codes.ts'
import { hasMembers, isBase64, isCount, isListOf, isName, isOneOf, isText, isTime, isWhole, shapeOf } from '../../../util/stored/shape.ts' // prettier-ignore

/** How the codes of a method are generated. */
type Codes = Pick<OneTimeKey, 'algorithm' | 'digits' | 'period' | 'skew'>

/** A method of second factors, at `mfa-method/<id>`. */
export interface MethodRecord extends Codes {
  readonly id: string
  /** '' if it has none. */
  readonly name: string
  readonly issuer: string
  /** The size of generated keys, bytes. */
  readonly keySize: number
  /** The size of the barcode, pixels; 0: no barcode. */
  readonly qrSize: number
  /** The number of wrong codes of an entity that locks the method for it. */
  readonly maxAttempts: number
}

/** A login enforcement, at `mfa-enforcement/<name>`. */
export interface EnforcementRecord {
  readonly id: string
  readonly name: string
  readonly methods: readonly string[]
  readonly accessors: readonly string[]
  readonly types: readonly string[]
  readonly groups: readonly string[]
  readonly entities: readonly string[]
}

/** The key of an entity for a method, with the settings at the time of its generation. */
export interface EntityKey extends OneTimeKey {
  readonly method: string
}

/** A code that was accepted; `until` the end of its validity, epoch milliseconds. */
interface UsedCode {
  readonly method: string
  readonly code: string
  readonly until: number
}

/** The recent wrong codes for a method. `last` in epoch milliseconds. */
interface Failures {
  readonly method: string
  readonly count: number
  readonly last: number
}

/** The second factors of an entity, at `mfa-entity/<id>`. Used and wrong codes are kept when keys are removed. */
export interface FactorsRecord {
  readonly keys: readonly EntityKey[]
  readonly used: readonly UsedCode[]
  readonly failures: readonly Failures[]
}

/** An entity without second factors. */
export const noFactors: FactorsRecord = { keys: [], used: [], failures: [] }

/** The supported digests. */
export const algorithms = ['SHA1', 'SHA256', 'SHA512'] as const

const codes = {
  algorithm: isOneOf(...algorithms),
  digits: isOneOf(6, 8),
  period: isWhole(1),
  skew: isOneOf(0, 1),
}

/** The shape of a stored method. */
export const methodShape = shapeOf<MethodRecord>('an MFA method', {
  ...codes,
  id: isName,
  name: isText,
  issuer: isName,
  keySize: isWhole(1),
  qrSize: isCount,
  maxAttempts: isWhole(1),
})

/** The shape of a stored enforcement. It must have a method, and selectors of logins. */
export const enforcementShape = shapeOf<EnforcementRecord>(
  'an MFA login enforcement',
  {
    id: isName,
    name: isName,
    methods: isListOf(isName),
    accessors: isListOf(isName),
    types: isListOf(isName),
    groups: isListOf(isName),
    entities: isListOf(isName),
  },
  (record) => record.methods.length > 0 && selects(record),
)

/** Whether an enforcement has any selector of logins. */
export const selects = ({ accessors, types, groups, entities }: Omit<EnforcementRecord, 'id' | 'name'>): boolean =>
  [accessors, types, groups, entities].some((selector) => selector.length > 0)

const isKey = (value: unknown): boolean => hasMembers<EntityKey>(value, { ...codes, method: isName, key: isBase64 })
const isUsed = (value: unknown): boolean => hasMembers<UsedCode>(value, { method: isName, code: isName, until: isTime })
const isFailures = (value: unknown): boolean =>
  hasMembers<Failures>(value, { method: isName, count: isCount, last: isTime })

/** The shape of the stored second factors of an entity. */
export const factorsShape = shapeOf<FactorsRecord>('the second factors of an entity', {
  keys: isListOf(isKey),
  used: isListOf(isUsed),
  failures: isListOf(isFailures),
})

/** The keys of the records. */
export const atMfa = {
  method: (id: string): string => `mfa-method/${id}`,
  /** Index: the method with a name. */
  methodName: (name: string): string => `mfa-method-name/${name}`,
  enforcement: (name: string): string => `mfa-enforcement/${name}`,
  entity: (id: string): string => `mfa-entity/${id}`,
} as const
