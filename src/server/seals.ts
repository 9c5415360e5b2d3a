import type { AutoSeal, SealSettings } from '../contract/seal.ts'
import { AwsKmsSeal } from '../seal/auto/awskms.ts'
import { Pkcs11Seal } from '../seal/auto/pkcs11.ts'
import { StaticSeal } from '../seal/auto/static.ts'
import { TransitSeal } from '../seal/auto/transit.ts'
import type { Clock } from '../util/clock.ts'

interface Tools {
  readonly random: (bytes: number) => Uint8Array
  readonly clock: Clock
}

/** Every kind of seal that unseals the server: one line each. */
const seals: {
  readonly [T in SealSettings['type']]: (config: Extract<SealSettings, { type: T }>, tools: Tools) => AutoSeal
} = {
  static: (config, { random }) => new StaticSeal(config, random),
  transit: (config, { clock }) => new TransitSeal(config, clock),
  awskms: (config, { clock }) => new AwsKmsSeal(config, clock),
  pkcs11: (config, { random, clock }) => new Pkcs11Seal(config, random, clock),
}

/** The seals of a configuration, in its order. */
export function autoSealsOf(configs: readonly SealSettings[], tools: Tools): readonly AutoSeal[] {
  // Each row takes the settings of its type, which the compiler does not follow from a key to its value.
  return configs.map((config) =>
    (seals[config.type] as (config: SealSettings, tools: Tools) => AutoSeal)(config, tools),
  )
}
