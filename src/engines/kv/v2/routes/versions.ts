import { refuse } from '../../../../contract/fault.ts'
import { f } from '../../../../contract/field.ts'
import { wholeNumber } from '../../../../contract/wire/weak-types.ts'
import { done } from '../../../../contract/response.ts'
import { routesOf } from '../../../../contract/route.ts'
import type { Route } from '../../../../contract/route.ts'
import { nameToWrite, path } from '../../names.ts'
import { isLive, lifetime } from '../record.ts'
import type { Version } from '../record.ts'
import type { Secrets } from '../secrets.ts'

const { write } = routesOf<Secrets>()

type Work = (version: Version, now: number, deleteAfter: number) => Version | undefined

/** `delete/`, `undelete/` and `destroy/<name>`: change the versions that are listed. */
export const versionRoutes = [
  forVersions('delete', 'Delete versions; they can be restored.', (version, now) =>
    isLive(version, now) ? { ...version, deletedAt: now } : undefined,
  ),
  forVersions('undelete', 'Restore deleted versions.', ({ created, destroyed, deletedAt }, now, deleteAfter) =>
    destroyed || deletedAt === undefined ? undefined : { created, destroyed, ...lifetime(now, deleteAfter) },
  ),
  forVersions('destroy', 'Permanently remove the values of versions.', (version) => ({ ...version, destroyed: true })),
]

function forVersions(verb: 'delete' | 'undelete' | 'destroy', about: string, work: Work): Route<Secrets> {
  return write(`${verb}/*path`, {
    about,
    fields: { ...path, versions: f.list('Their numbers.').or([]) },
    handle: async ({ engine }, { path: name, versions }) => {
      const named = nameToWrite(name)
      if (versions.length === 0) throw refuse(`${verb === 'destroy' ? 'no' : 'No'} version number provided`)
      const numbers = versions.map(wholeNumber).filter((number) => number !== undefined)
      if (numbers.length < versions.length) throw refuse('versions must be whole numbers')
      const now = engine.clock.now()
      await engine.changeVersions(named, numbers, (version, deleteAfter) => work(version, now, deleteAfter))
      return done()
    },
  })
}
