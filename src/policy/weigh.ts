import { f } from '../contract/field.ts'
import type { Capability } from '../contract/identity.ts'
import { violation } from './parameters/parameters.ts'
import type { Merged } from './rules.ts'
import type { AclOperation, AclQuery, Verdict, Ground } from './verdict.ts'

/** The operations with parameters that rules restrict. */
export const checked: ReadonlySet<AclOperation> = new Set(['read', 'create', 'update', 'patch'])

/** The verdict of a rule that allows an operation. @param limit see `pageLimit` */
export function grantedBy(
  rule: Merged,
  operation: Capability,
  sudo: boolean,
  limit: ReturnType<typeof pageLimit>,
): Verdict {
  const listing = operation === 'list' || operation === 'scan'
  return {
    allowed: true,
    sudo,
    root: false,
    granting: rule.granting.get(operation) ?? [],
    ...(typeof limit === 'number' && { limit }),
    ...(listing && rule.filters.size > 0 && { filters: [...rule.filters.values()] }),
  }
}

/** What a rule says about a request. */
export function groundOf(rule: Merged, query: AclQuery, limit: ReturnType<typeof pageLimit>): Ground {
  if (rule.capabilities.has('deny')) return 'denied'
  if (!rule.capabilities.has(query.operation as Capability)) return 'no_capability'
  if (!wrappingFits(rule, query.wrapTtl)) return 'wrapping'
  if (!conditionsFit(rule, query)) return 'parameters'
  return limit === 'refused' ? 'pagination' : 'granted'
}

function wrappingFits({ minWrappingTtl, maxWrappingTtl }: Merged, wrapTtl: number | undefined): boolean {
  if (minWrappingTtl === undefined && maxWrappingTtl === undefined) return true
  return wrapTtl !== undefined && wrapTtl >= (minWrappingTtl ?? 0) && wrapTtl <= (maxWrappingTtl ?? Infinity)
}

function conditionsFit(rule: Merged, query: AclQuery): boolean {
  return !checked.has(query.operation) || violation(rule, query) === undefined
}

/** No limit, 0 and `max` (valid without a rule's limit, too) stand for the rule's own limit. A larger, negative or invalid one is refused. */
export function pageLimit(rule: Merged, data: AclQuery['data']): number | 'refused' | undefined {
  const most = rule.paginationLimit
  if (most === undefined) return data['limit'] === 'max' ? 0 : undefined
  if (!Object.hasOwn(data, 'limit'))
    return [...rule.required].some((name) => name.toLowerCase() === 'limit') ? 'refused' : most
  if (data['limit'] === 'max') return most
  const requested = f.int('').parse(data['limit'])
  if (requested === undefined || requested < 0 || requested > most) return 'refused'
  return requested === 0 ? most : requested
}
