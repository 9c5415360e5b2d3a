import type { Seal, SealRecord } from '../contract/seal.ts'
import { ShamirSeal } from '../seal/shamir.ts'

type SealType = SealRecord['type']
type SealMaker = (random: (bytes: number) => Uint8Array) => Seal

/** Every kind of seal: one line each. */
const seals: Readonly<Record<SealType, SealMaker>> = {
  shamir: (random) => new ShamirSeal(random),
}

/** A seal of a type. */
export function sealOf(type: SealType, random: (bytes: number) => Uint8Array): Seal {
  return seals[type](random)
}
