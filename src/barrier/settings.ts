import type { AcceptedDamage, RotationConfig } from '../contract/barrier.ts'
import { isCount, isFlag, isName, isText, shapeOf } from '../util/stored/shape.ts'

/** The record of the automatic rotation. */
export const rotationName = 'core/rotation'
/** The record of accepted damage that the audit log has no line about yet. */
export const acceptedName = 'core/accepted'

/** The shape of the settings of the automatic rotation. */
export const rotationShape = shapeOf<RotationConfig>('settings of the rotation', {
  maxOperations: isCount,
  interval: isCount,
  enabled: isFlag,
})
/** The shape of accepted damage. */
export const acceptedShape = shapeOf<AcceptedDamage>('accepted damage', { code: isName, why: isText })
/** The automatic rotation unless it is configured. */
export const usualRotation: RotationConfig = { maxOperations: 3_865_470_566, interval: 0, enabled: true }
