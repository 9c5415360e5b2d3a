import { formatDuration } from '../../util/duration.ts'
import type { AclOperation, Ground } from '../verdict.ts'
import type { Violation } from '../parameters/parameters.ts'
import type { Merged } from '../rules.ts'

/** The reason of a verdict, the need for `sudo` included. */
export type ExplainedGround = Ground | 'no_sudo' | 'public'

/** A reason in words. @param rule the deciding rule, if it is visible to the caller */
export function reasonOf(
  ground: ExplainedGround,
  operation: AclOperation = 'read',
  rule?: Merged,
  violation?: Violation,
): string {
  switch (ground) {
    case 'root':
      return 'root may do everything'
    case 'granted':
      return 'a rule allows it'
    case 'no_rule':
      return 'no rule matches the path, so it is denied'
    case 'denied':
      return 'a rule denies the path'
    case 'no_capability':
      return `the deciding rule does not give the capability "${operation}"`
    case 'wrapping':
      return `the deciding rule requires the response to be wrapped${rule ? bounds(rule) : ''}`
    case 'parameters':
      return violation ? aboutParameter(violation) : 'the deciding rule does not allow these parameters'
    case 'pagination':
      return `the deciding rule requires a limit${rule?.paginationLimit === undefined ? '' : ` from 0 to ${rule.paginationLimit}`} on the list`
    case 'public':
      return 'the path is public and needs no token'
    case 'no_sudo':
      return 'the path also needs the capability "sudo"'
  }
}

function bounds({ minWrappingTtl: least, maxWrappingTtl: most }: Merged): string {
  const from = least === undefined ? '' : ` for at least ${formatDuration(least)}`
  const to = most === undefined ? '' : ` for at most ${formatDuration(most)}`
  return from && to ? `${from} and${to}` : from || to
}

function aboutParameter({ name, kind }: Violation): string {
  if (kind === 'too much')
    return `the parameter "${name}" has more values than can be checked against the conditions of the rule`
  if (kind === 'missing') return `the deciding rule requires the parameter "${name}"`
  if (kind === 'denied') return `the deciding rule denies the parameter "${name}", or its value`
  return `the deciding rule does not allow the parameter "${name}", or its value`
}
