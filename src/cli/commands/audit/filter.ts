import type { Filter } from '../../../audit/offline/entries.ts'
import { rfc3339, systemClock } from '../../../util/clock.ts'
import { parseDuration } from '../../../util/duration.ts'
import type { Run } from '../../framework/command.ts'
import type { FlagTable } from '../../framework/flags.ts'
import { UsageError } from '../../framework/flags.ts'

/** Which lines are wanted. */
export const filterFlags: FlagTable = {
  since: {
    kind: 'string',
    about: 'From this time on: RFC 3339, the beginning of one (2026-10), or how long ago (24h).',
  },
  until: { kind: 'string', about: 'Before this time, given in the same ways.' },
  path: { kind: 'string', about: 'The path of the request; "*" is anything, "+" one segment.' },
  operation: { kind: 'string', about: 'create, read, update, patch, delete, list, …' },
  accessor: { kind: 'string', about: 'The accessor of the token, as the lines have it.' },
  name: { kind: 'string', about: 'The display name of the token.' },
  address: { kind: 'string', about: 'Where the request came from.' },
  id: { kind: 'string', about: 'The id of the request.' },
  denied: { kind: 'bool', about: 'Only what no policy allowed.' },
  failed: { kind: 'bool', about: 'Only what was denied or went wrong.' },
}

/** The filter that the flags make. Lines about answers, unless a type is asked for. @throws UsageError */
export function filterOf({ flags }: Run, type = 'response'): Filter {
  const [since, until] = [timeOf(flags.string('since')), timeOf(flags.string('until'))]
  const exact = ['path', 'operation', 'accessor', 'name', 'address', 'id'].flatMap((name) => {
    const value = flags.string(name)
    return value === undefined ? [] : [[name, value] as const]
  })
  const results = flags.bool('denied') ? (['denied'] as const) : flags.bool('failed') ? (['denied', 'failed'] as const) : undefined // prettier-ignore
  return {
    ...(type !== 'all' && { type }),
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
    ...Object.fromEntries(exact),
    ...(results && { results }),
  }
}

/** Lines have UTC with nine decimals: such texts sort as their times do, and so do their beginnings. */
function timeOf(input: string | undefined): string | undefined {
  if (input === undefined || input === '') return undefined
  if (/^\d{4}(-\d\d){0,2}$/.test(input)) return input
  const ago = parseDuration(input)
  if (ago !== undefined) return rfc3339(systemClock.now() - ago * 1000)
  const at = /^\d{4}-\d\d-\d\dT/.test(input) ? Date.parse(input) : NaN
  if (Number.isNaN(at)) throw new UsageError(`${input} is no time: give 2026-10-01T00:00:00Z, 2026-10, or 24h`)
  return rfc3339(at)
}
