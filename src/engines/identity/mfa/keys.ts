import { refuse } from '../../../contract/fault.ts'
import { barcodeOf } from '../../../crypto/one-time/barcode.ts'
import { keyUrl } from '../../../crypto/one-time/url.ts'
import { base64 } from '../../../util/bytes.ts'
import { entityById } from '../entities.ts'
import type { Identity } from '../identity.ts'
import type { EntityRecord } from '../records.ts'
import { methodById } from './methods.ts'
import { atMfa, factorsShape, noFactors } from './records.ts'
import type { EntityKey, MethodRecord } from './records.ts'

/** A generated key for its owner. Both members contain the key. */
export interface GeneratedKey {
  readonly url: string
  /** A PNG in base64; '' when the method has none. */
  readonly barcode: string
}

/** @throws Fault invalid_request when there is no such method */
export async function mustBeMethod(identity: Identity, id: string): Promise<MethodRecord> {
  if (id === '') throw refuse('missing method ID: method_id names it')
  const method = await methodById(identity, id)
  if (!method) throw refuse(`configuration for method ID "${id}" does not exist`)
  return method
}

/**
 * Generates the key of an entity for a method. Undefined: it already has one, which is unchanged.
 * @param mayChange checks that the caller may change the entity; throws permission_denied
 * @throws Fault invalid_request
 */
export async function generateKey(
  identity: Identity,
  method: MethodRecord,
  entityId: string,
  mayChange: (entity: EntityRecord) => void = () => {},
): Promise<GeneratedKey | undefined> {
  const { id, algorithm, digits, period, skew, issuer, keySize, qrSize } = method
  const key: EntityKey = { method: id, key: base64(identity.random(keySize)), algorithm, digits, period, skew }
  const url = keyUrl(key, issuer, entityId)
  // Before the key is stored: what cannot be drawn cannot be given to its owner.
  const barcode = qrSize > 0 ? await barcodeOf(url, qrSize) : ''
  const isNew = await identity.view.transaction(async (tx) => {
    const entity = await entityById(tx, entityId)
    if (!entity) throw refuse('invalid entity ID: there is no such entity in this namespace')
    mayChange(entity)
    const factors = (await tx.get(atMfa.entity(entityId), factorsShape)) ?? noFactors
    if (factors.keys.some((one) => one.method === id)) return false
    tx.put(atMfa.entity(entityId), { ...factors, keys: [...factors.keys, key] })
    return true
  })
  return isNew ? { url, barcode } : undefined
}

/** Removes the key of an entity for a method. The codes that were used, and wrong ones, stay remembered. @throws Fault invalid_request */
export async function destroyKey(
  identity: Identity,
  { id }: MethodRecord,
  entityId: string,
  mayChange: (entity: EntityRecord) => void,
): Promise<void> {
  await identity.view.transaction(async (tx) => {
    const entity = await entityById(tx, entityId)
    if (!entity) throw refuse('invalid entity ID: there is no such entity in this namespace')
    mayChange(entity)
    const factors = await tx.get(atMfa.entity(entityId), factorsShape)
    if (!factors?.keys.some((one) => one.method === id)) return
    tx.put(atMfa.entity(entityId), { ...factors, keys: factors.keys.filter((one) => one.method !== id) })
  })
}
