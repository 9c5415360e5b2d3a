import type { Filter } from '../../../audit/offline/entries.ts'
import { rfc3339, systemClock } from '../../../util/clock.ts'
import { parseDuration } from '../../../util/duration.ts'
import type { Run } from '../../framework/command.ts'
import type { FlagTable } from '../../framework/flags.ts'
import { UsageError } from '../../framework/flags.ts'

/** Flags that select lines. */
export const filterFlags: FlagTable = {
  since: {
    kind: 'string',
    about: 'Start time: RFC 3339, its beginning (2026-10), or a duration before now (24h).',
  },
  until: { kind: 'string', about: 'End time (exclusive), in the same forms.' },
  path: { kind: 'string', about: 'The path of the request; "*" matches anything, "+" one segment.' },
  operation: { kind: 'string', about: 'create, read, update, patch, delete, list, …' },
  accessor: { kind: 'string', about: 'The accessor of the token, as in the audit lines.' },
  name: { kind: 'string', about: 'The display name of the token.' },
  address: { kind: 'string', about: 'The address of the client.' },
  id: { kind: 'string', about: 'The ID of the request.' },
  denied: { kind: 'bool', about: 'Only requests denied by policy.' },
  failed: { kind: 'bool', about: 'Only requests that were denied or failed.' },
}

/** The filter of the flags. Lines of responses, unless a type is given. @throws UsageError */
export function filterOf({ flags }: Run, type = 'response'): Filter {
  const [since, until] = [timeOf(flags.string('since')), timeOf(flags.string('until'))]
  const exact = ['path', 'operation', 'accessor', 'name', 'address', 'id'].flatMap((name) => {
    const value = flags.string(name)
    return value === undefined ? [] : [[name, value] as const]
  })
  const results = flags.bool('denied')
    ? (['denied'] as const)
    : flags.bool('failed')
      ? (['denied', 'failed'] as const)
      : undefined
  return {
    ...(type !== 'all' && { type }),
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
    ...Object.fromEntries(exact),
    ...(results && { results }),
  }
}

/** Lines have UTC with nine decimals: such strings sort like their times, and so do their prefixes. */
function timeOf(input: string | undefined): string | undefined {
  if (input === undefined || input === '') return undefined
  if (/^\d{4}(-\d\d){0,2}$/.test(input)) return input
  const ago = parseDuration(input)
  if (ago !== undefined) return rfc3339(systemClock.now() - ago * 1000)
  const at = /^\d{4}-\d\d-\d\dT/.test(input) ? Date.parse(input) : NaN
  if (Number.isNaN(at)) throw new UsageError(`${input} is not a time: give 2026-10-01T00:00:00Z, 2026-10, or 24h`)
  return rfc3339(at)
}
