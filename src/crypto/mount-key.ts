import { createSecretKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { Fault } from '../contract/fault.ts'
import type { View } from '../contract/view.ts'
import { base64, fromBase64 } from '../util/bytes.ts'
import { isBase64, shapeOf } from '../util/stored/shape.ts'
import { randomBytes } from './fast/random.ts'

const keyBytes = 32

/**
 * A secret key of a mount, at `place` in its view. It is created once, and never changes.
 * @param about for messages: `the state key of a JWT mount`
 * @throws Fault internal if the record is damaged: under an empty key, results could be forged
 */
export async function mountKey(view: View, place: string, about: string): Promise<KeyObject> {
  const shape = shapeOf<{ readonly key: string }>(about, {
    key: (value) => isBase64(value) && fromBase64(String(value))?.length === keyBytes,
  })
  const stored = await view.transaction(async (tx) => {
    const old = await tx.get(place, shape)
    const record = old ?? { key: base64(randomBytes(keyBytes)) }
    if (!old) tx.put(place, record)
    return record
  })
  const bytes = fromBase64(stored.key)
  if (bytes?.length !== keyBytes) throw new Fault('internal', `${about} is damaged`)
  return createSecretKey(bytes)
}
