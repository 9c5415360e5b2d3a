import type { SealSettings } from '../contract/seal.ts'
import type { HclItem, HclValue } from '../util/hcl/values.ts'
import { awsKmsSeal } from './seals/awskms.ts'
import { pkcs11Seal } from './seals/pkcs11.ts'
import type { ReadSeal, Settings } from './seals/reading.ts'
import { staticSeal } from './seals/static.ts'
import { transitSeal } from './seals/transit.ts'
import type { Source } from './source.ts'

/** Every kind of seal block: one line each. */
const types: Readonly<Record<string, ReadSeal>> = {
  static: staticSeal,
  transit: transitSeal,
  awskms: awsKmsSeal,
  pkcs11: pkcs11Seal,
}

/** The types of seals. */
export const sealTypes: readonly string[] = Object.keys(types)

/** `seal "type" { … }`: a seal that unseals the server. Several of them can; each has a name. */
export function sealsOf(
  source: Source,
  value: HclValue,
  item: HclItem,
  before: readonly SealSettings[],
): SealSettings[] {
  const seals = [...before]
  source.eachBlock(value, item, (type, body) => {
    const reading = Object.hasOwn(types, type) ? types[type]?.(source, item) : undefined
    if (!reading)
      throw source.wrong(
        item.at,
        `seal "${type}" is not known; this server has: ${Object.keys(types).join(', ')}. Without a seal block, key shares unseal it`,
      )
    const common = { name: type, disabled: false }
    const settings: Settings = {
      ...reading.settings,
      name: (inner) => void (common.name = source.string(inner, 'name')),
      disabled: (inner) => void (common.disabled = source.bool(inner, 'disabled')),
    }
    source.each(source.items(body, 'seal'), (inner) => source.setting(settings, inner, `seal "${type}"`)(inner.value))
    if (seals.some(({ name }) => name === common.name))
      throw source.wrong(item.at, `there is a seal named "${common.name}" already: give this one another name = "…"`)
    seals.push(reading.done(common))
  })
  return seals
}

/** `recovery_keys`: what recovery shares are for. */
export function recoveryUnseals(source: Source, value: HclValue): boolean {
  const word = source.string(value, 'recovery_keys')
  if (word === 'unseal' || word === 'authorize') return word === 'unseal'
  throw source.wrong(
    value.at,
    'recovery_keys is "authorize" (they allow operations, but the seal must be reachable) or "unseal" (they also unseal the server when every seal is lost)',
  )
}
