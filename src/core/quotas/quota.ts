import { rootNamespace } from '../../contract/identity.ts'
import type { NamespaceId } from '../../contract/identity.ts'
import type { Rate } from './rate-limit.ts'
import { isFlag, isListOf, isName, isPositive, isText, orAbsent, shapeOf } from '../../util/stored/shape.ts'

/** A rate-limit quota. Without a mount it is for a whole namespace; that of the root one is the global one. */
export interface Quota extends Rate {
  readonly name: string
  /** Absent for the root namespace. */
  readonly namespace?: NamespaceId
  /** The mount's uuid, so that a quota follows its mount and is removed with it. */
  readonly mount?: string
  /** The rest of the path after the mount, without slashes at its ends; `a*` is the prefix `a`. */
  readonly suffix: string
  /** A quota of a whole namespace also applies to child namespaces without a quota. */
  readonly inheritable: boolean
  /** Only for logins to this role of the mount, in place of every other quota. Absent: for all requests. */
  readonly role?: string
}

/** Settings of all quotas. */
export interface QuotaConfig {
  readonly auditRejections: boolean
  readonly headers: boolean
  /** Exempt paths: exact, with all paths below them, or prefixes with a `*`; a `!` removes one again. */
  readonly exempt: readonly string[]
}

/** The shape of its record. */
export const quotaShape = shapeOf<Quota>('a quota', {
  name: isName,
  namespace: orAbsent(isName),
  mount: orAbsent(isName),
  suffix: isText,
  inheritable: isFlag,
  role: orAbsent(isName),
  rate: isPositive,
  interval: isPositive,
  blockInterval: (value) => value === 0 || isPositive(value),
})

/** The shape of their record. */
export const quotaConfigShape = shapeOf<QuotaConfig>('a setting of quotas', {
  auditRejections: isFlag,
  headers: isFlag,
  exempt: isListOf(isText),
})

/** Operators must reach these even while the server is flooded with requests. */
export const usualConfig: QuotaConfig = {
  auditRejections: false,
  headers: false,
  exempt: ['sys/generate-root/attempt', 'sys/generate-root/update', 'sys/health', 'sys/seal-status', 'sys/unseal'],
}

/** Never counted, regardless of the configuration: a quota that is too small must not prevent its own change. */
const alwaysExempt = ['sys/quotas/rate-limit', 'sys/quotas/config']

/** The key of what a quota is for. Uuids of mounts and ids of namespaces never look alike. */
export const placeOf = ({ namespace = rootNamespace, mount = namespace, suffix, role }: Quota): string =>
  role === undefined ? `${mount} ${suffix}` : placeOfRole(mount, role)

/** The key of a role of a mount. */
export const placeOfRole = (mount: string, role: string): string => `${mount}\n${role}`

/** Whether requests for a path are not counted. */
export const isExempt = ({ exempt }: QuotaConfig, path: string): boolean =>
  includes(exempt, path) || includes(alwaysExempt, path)

/** The longest matching entry decides. */
function includes(entries: readonly string[], path: string): boolean {
  let best = { length: -1, exempt: false }
  for (const entry of entries) {
    const exempt = !entry.startsWith('!')
    const hash = exempt ? entry : entry.slice(1)
    const bare = hash.replace(/[*/]$/, '')
    const fits = hash.endsWith('*') ? path.startsWith(bare) : path === bare || path.startsWith(`${bare}/`)
    if (fits && bare !== '' && bare.length > best.length) best = { length: bare.length, exempt }
  }
  return best.exempt
}
