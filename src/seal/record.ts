import { Fault } from '../contract/fault.ts'
import type { SealRecord, WrappedKey } from '../contract/seal.ts'
import { text, utf8 } from '../util/bytes.ts'
import { hasMembers, isBase64, isListOf, isName, isOneOf, isPositive, orAbsent } from '../util/stored/shape.ts'

const isWrappedKey = (value: unknown): value is WrappedKey =>
  hasMembers<WrappedKey>(value, { seal: isName, keyId: isName, value: isName })

const isCount = (value: unknown): value is number => value === 0 || isPositive(value)

/** Without recovery shares there is a proof that no shares fit. */
const hasShares = ({ shares, threshold, recoveryCheck }: SealRecord): boolean =>
  shares === 0 ? threshold === 0 && recoveryCheck !== undefined : threshold > 0

/** A stored seal record. @throws Fault internal when it is damaged */
export function readRecord(bytes: Uint8Array): SealRecord {
  const record = parsed(bytes)
  const fits = hasMembers<SealRecord>(record, {
    type: isOneOf('shamir', 'auto'),
    shares: isCount,
    threshold: isCount,
    wrappedRoot: isBase64,
    wrappedKeys: orAbsent(isListOf(isWrappedKey)),
    recoveryCheck: orAbsent(isBase64),
  })
  // Without wrapped keys nothing but shares of the unseal key could unseal.
  if (fits && (record.type === 'auto') === (record.wrappedKeys !== undefined) && hasShares(record)) return record
  throw new Fault('internal', 'the seal record is damaged; restore a backup')
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(text(bytes)) as unknown
  } catch {
    return undefined
  }
}

/** The bytes that are stored. */
export const writeRecord = (record: SealRecord): Uint8Array => utf8(JSON.stringify(record))
