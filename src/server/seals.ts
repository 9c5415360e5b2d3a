import type { AutoSeal, SealSettings } from '../contract/seal.ts'
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
}

/** The seals of a configuration, in its order. */
export function autoSealsOf(configs: readonly SealSettings[], tools: Tools): readonly AutoSeal[] {
  return configs.map((config) =>
    config.type === 'static' ? seals.static(config, tools) : seals.transit(config, tools),
  )
}
