import type { Check } from '../../cli/framework/command.ts'
import type { Config } from '../../config/types.ts'
import { provenWrap } from '../../contract/seal.ts'
import type { AutoSeal, SealRecord, WrappedKey } from '../../contract/seal.ts'
import { randomBytes } from '../../crypto/fast/random.ts'
import { wipe } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import { autoSealsOf } from '../seals.ts'
import { fail, group, ok, reason, skipped, warn } from './result.ts'

/** Whether the seals can be reached and decrypt what they encrypt, and whether they are those of the storage. */
export async function checkSeals(
  config: Pick<Config, 'seals'>,
  record: SealRecord | undefined,
  clock: Clock,
): Promise<Check> {
  // A seal that renews its token would go on after this.
  const settings = config.seals.map((seal) => ('renews' in seal ? { ...seal, renews: false } : seal))
  const seals = autoSealsOf(settings, { random: randomBytes, clock })
  const checks = await Promise.all(seals.map(async (seal) => roundTrip(seal)))
  const usual = checks.length > 0 ? checks : [ok('Key shares', 'operators unseal the server: strongroom operator unseal')] // prettier-ignore
  return group('Seals', [...usual, ...(record ? [await ofStorage(record, seals)] : [])])
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

async function ofStorage(record: SealRecord, seals: readonly AutoSeal[]): Promise<Check> {
  const name = 'Seal of the storage'
  const isAuto = seals.some(({ disabled }) => !disabled)
  if ((record.type === 'auto') !== isAuto)
    return warn(name, `it is sealed by ${record.type === 'auto' ? 'a seal' : 'key shares'}, and the configuration has ${isAuto ? 'a seal' : 'none'}`, 'change the seal: strongroom operator unseal -migrate') // prettier-ignore
  if (record.type === 'shamir') return ok(name, 'key shares')
  const wrapped = record.wrappedKeys ?? []
  const known = wrapped.flatMap((key) => seals.filter((seal) => seal.name === key.seal).map((seal) => ({ seal, key })))
  if (known.length === 0)
    return fail(name, `it is sealed by ${wrapped.map((key) => key.seal).join(', ')}, which the configuration does not have`, 'put the seal block back, with its name') // prettier-ignore
  const failures = (await Promise.all(known.map(async ({ seal, key }) => failureOf(seal, key)))).flat()
  if (failures.length === 0) return ok(name, 'the configuration has it, and it decrypts the unseal key')
  const verdict = failures.length < known.length ? warn : fail
  return verdict(name, `the unseal key is not decrypted by ${failures.join('; ')}`, 'bring back the key that encrypted it: an older version, or one that was disabled') // prettier-ignore
}

/** Why a seal does not decrypt the unseal key of the storage; empty: it does. */
async function failureOf(seal: AutoSeal, key: WrappedKey): Promise<readonly string[]> {
  try {
    wipe(await seal.unwrap(key))
    return []
  } catch (thrown) {
    return [`${seal.name}: ${reason(thrown)}`]
  }
}
