import type { Check } from '../../cli/framework/command.ts'
import type { Config } from '../../config/types.ts'
import { provenWrap } from '../../contract/seal.ts'
import type { AutoSeal, SealRecord } from '../../contract/seal.ts'
import { randomBytes } from '../../crypto/fast/random.ts'
import type { Clock } from '../../util/clock.ts'
import { autoSealsOf } from '../seals.ts'
import { fail, group, ok, reason, skipped, warn } from './result.ts'

/** Whether the seals can be reached and decrypt what they encrypt, and whether they are those of the storage. */
export async function checkSeals(config: Config, record: SealRecord | undefined, clock: Clock): Promise<Check> {
  // A seal that renews its token would go on after this.
  const settings = config.seals.map((seal) => ('renews' in seal ? { ...seal, renews: false } : seal))
  const seals = autoSealsOf(settings, { random: randomBytes, clock })
  const checks = await Promise.all(seals.map(async (seal) => roundTrip(seal)))
  const usual = checks.length > 0 ? checks : [ok('Key shares', 'operators unseal the server: strongroom operator unseal')] // prettier-ignore
  return group('Seals', [...usual, ...(record ? ofStorage(record, seals) : [])])
}

async function roundTrip(seal: AutoSeal): Promise<Check> {
  const name = seal.name === seal.type ? seal.type : `${seal.type} ${seal.name}`
  if (seal.disabled) return skipped(name, 'disabled: it only decrypts')
  const probe = randomBytes(32)
  try {
    await provenWrap(seal, probe)
    return ok(name, 'it decrypts what it encrypts')
  } catch (thrown) {
    return fail(name, reason(thrown), `check the settings of seal "${seal.type}"`)
  }
}

function ofStorage(record: SealRecord, seals: readonly AutoSeal[]): readonly Check[] {
  const name = 'Seal of the storage'
  const isAuto = seals.some(({ disabled }) => !disabled)
  if ((record.type === 'auto') !== isAuto)
    return [
      warn(name, `it is sealed by ${record.type === 'auto' ? 'a seal' : 'key shares'}, and the configuration has ${isAuto ? 'a seal' : 'none'}`, 'change the seal: strongroom operator unseal -migrate'), // prettier-ignore
    ]
  const wrapped = record.wrappedKeys ?? []
  if (record.type === 'auto' && !wrapped.some((key) => seals.some((seal) => seal.name === key.seal)))
    return [
      fail(name, `it is sealed by ${wrapped.map((key) => key.seal).join(', ')}, which the configuration does not have`, 'put the seal block back, with its name'), // prettier-ignore
    ]
  return [ok(name, record.type === 'auto' ? 'the configuration has it' : 'key shares')]
}
