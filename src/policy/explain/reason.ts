import { formatDuration } from '../../util/duration.ts'
import type { AclOperation, Ground } from '../verdict.ts'
import type { Misfit } from '../parameters/parameters.ts'
import type { Merged } from '../rules.ts'

/** The reason of a verdict, the need for `sudo` included. */
export type ExplainedGround = Ground | 'no_sudo' | 'public'

/** A ground in words. @param rule the rule that decided, if it may be seen */
export function reasonOf(
  ground: ExplainedGround,
  operation: AclOperation = 'read',
  rule?: Merged,
  unfit?: Misfit,
): string {
  switch (ground) {
    case 'root':
      return 'root may do everything'
    case 'granted':
      return 'a rule allows it'
    case 'no_rule':
      return 'no rule matches the path, and what no rule allows is denied'
    case 'denied':
      return 'a rule denies the path'
    case 'no_capability':
      return `the rule that decides does not give the capability "${operation}"`
    case 'wrapping':
      return `the rule that decides wants the answer wrapped${rule ? bounds(rule) : ''}`
    case 'parameters':
      return unfit ? aboutParameter(unfit) : 'the rule that decides does not allow these parameters'
    case 'pagination':
      return `the rule that decides wants a limit${rule?.paginationLimit === undefined ? '' : ` from 0 to ${rule.paginationLimit}`} on the list`
    case 'public':
      return 'the path is open to everybody, without a token'
    case 'no_sudo':
      return 'the path needs the capability "sudo" besides'
  }
}

function bounds({ minWrappingTtl: least, maxWrappingTtl: most }: Merged): string {
  const from = least === undefined ? '' : ` for at least ${formatDuration(least)}`
  const to = most === undefined ? '' : ` for at most ${formatDuration(most)}`
  return from && to ? `${from} and${to}` : from || to
}

function aboutParameter({ name, kind }: Misfit): string {
  if (kind === 'too much')
    return `the parameter "${name}" has more values than the conditions of the rule can be held against`
  if (kind === 'missing') return `the rule that decides wants the parameter "${name}"`
  if (kind === 'denied') return `the rule that decides denies the parameter "${name}", or the value that it has`
  return `the rule that decides does not allow the parameter "${name}", or not the value that it has`
}
