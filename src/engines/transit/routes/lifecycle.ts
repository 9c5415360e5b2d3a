import { refuse } from '../../../contract/fault.ts'
import { f } from '../../../contract/field.ts'
import { answer } from '../../../contract/response.ts'
import type { Response } from '../../../contract/response.ts'
import { routesOf } from '../../../contract/route.ts'
import { describe } from '../describe.ts'
import { shared } from '../input.ts'
import type { KeyState } from '../record.ts'
import type { Transit } from '../transit.ts'

const { read, write, remove } = routesOf<Transit>()

/** A cache smaller than this is refused, as Vault does. */
const leastCache = 10

async function turned(engine: Transit, name: string, state: KeyState, already: string): Promise<Response> {
  if (!(await engine.find(name))) return {}
  const warnings: string[] = []
  const record = await engine.change(name, 'key not found', (key) => {
    if (key.state.is === state.is) warnings.push(already)
    return key.state.is === state.is ? key : { ...key, state }
  })
  return record ? answer(describe(record), warnings.slice(-1)) : {}
}

/** `keys/:name/soft-delete`, its undoing, and `cache-config`. */
export const lifecycleRoutes = [
  remove('keys/:name/soft-delete', {
    about: 'Refuse all use of a key until it is restored.',
    fields: { name: shared.name },
    handle: ({ engine }, { name }) =>
      turned(
        engine,
        name,
        { is: 'soft-deleted', deletedAt: engine.clock.now(), purgeAt: null },
        'the key was soft-deleted already: nothing changed',
      ),
  }),
  write('keys/:name/soft-delete-restore', {
    about: 'Allow the use of a soft-deleted key again.',
    fields: { name: shared.name },
    handle: ({ engine }, { name }) => turned(engine, name, { is: 'enabled' }, 'key was already restored'),
  }),
  read('cache-config', {
    about: 'Read how many keys should be cached.',
    handle: async ({ engine }) => answer({ size: await engine.cacheSize() }),
  }),
  write('cache-config', {
    about: 'Say how many keys should be cached. Kept and shown; the storage caches by memory, whatever this says.',
    fields: { size: f.int('0 for no limit, or 10 and more.').or(0) },
    handle: async ({ engine }, { size }) => {
      if (size !== 0 && size < leastCache)
        throw refuse(`the cache size must be 0, for no limit, or ${leastCache} and more`)
      await engine.setCacheSize(size)
      return answer({ size })
    },
  }),
]
