import type { HclItem, HclValue } from '../util/hcl/values.ts'
import type { Source } from './source.ts'
import type { LockoutConfig } from './types.ts'

/** The login methods that lock users out (`Engine.locksOut`), and `all` of them. */
export const lockoutTypes = ['all', 'approle', 'ldap', 'userpass']

/** `user_lockout "TYPE" { … }`: the lockout after failed logins. @throws ConfigError for an unknown or repeated type */
export function lockoutsOf(
  source: Source,
  value: HclValue,
  item: HclItem,
  earlier: Readonly<Record<string, LockoutConfig>>,
): Readonly<Record<string, LockoutConfig>> {
  const found = { ...earlier }
  source.eachBlock(value, item, (type, body) => {
    if (!lockoutTypes.includes(type))
      throw source.wrong(item.at, `user_lockout is for one of ${lockoutTypes.map((one) => `"${one}"`).join(', ')}`)
    if (Object.hasOwn(found, type)) throw source.wrong(item.at, `user_lockout "${type}" is configured twice`)
    found[type] = lockoutOf(source, body, `user_lockout "${type}"`)
  })
  return found
}

function lockoutOf(source: Source, body: HclValue, where: string): LockoutConfig {
  const draft: { -readonly [K in keyof LockoutConfig]: LockoutConfig[K] } = {}
  const settings: Readonly<Record<string, (inner: HclValue) => void>> = {
    lockout_threshold: (inner) => void (draft.threshold = source.integer(inner, 'lockout_threshold', 1)),
    lockout_duration: (inner) => void (draft.duration = source.seconds(inner, 'lockout_duration')),
    lockout_counter_reset: (inner) => void (draft.counterReset = source.seconds(inner, 'lockout_counter_reset')),
    disable_lockout: (inner) => void (draft.disabled = source.bool(inner, 'disable_lockout')),
  }
  source.each(source.items(body, where), (inner) => source.setting(settings, inner, where)(inner.value))
  return draft
}
