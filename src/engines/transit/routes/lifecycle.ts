import { refuse } from '../../../contract/fault.ts'
import { f } from '../../../contract/field.ts'
import { answer } from '../../../contract/response.ts'
import type { Response } from '../../../contract/response.ts'
import { routesOf } from '../../../contract/route.ts'
import { describe } from '../formats/describe.ts'
import { keyMembers, metadataMembers } from '../members.ts'
import { shared } from '../input.ts'
import type { KeyRecord } from '../../../keys/record.ts'
import { restored, softDeleted, switched } from '../../../keys/state.ts'
import type { Transit } from '../transit.ts'

const { read, write, remove } = routesOf<Transit>()

/** A cache smaller than this is refused, as Vault does. */
const leastCache = 10

/** Vault's response to a change of the state: the key, with a warning if it was in this state already; 204 without a key. */
async function stateChanged(
  engine: Transit,
  name: string,
  { turn, already }: { readonly turn: (key: KeyRecord) => KeyRecord; readonly already: string },
): Promise<Response> {
  if (!(await engine.keys.find(name))) return {}
  const warnings: string[] = []
  const record = await engine.keys.change(name, 'key not found', (key) => {
    const changed = turn(key)
    if (changed === key) warnings.push(already)
    return changed
  })
  return record ? answer(describe(record), warnings.slice(-1)) : {}
}

async function switchedTo(engine: Transit, name: string, to: 'enabled' | 'disabled'): Promise<Response> {
  const record = await engine.keys.change(name, `no key named ${name} was found`, (key) => switched(key, to))
  return answer({ name, state: (record as KeyRecord).state.is })
}

const stateMembers = { name: metadataMembers.name, state: metadataMembers.state }

/** `keys/:name/soft-delete` and its undoing, `keys/:name/disable` and its undoing, and `cache-config`. */
export const lifecycleRoutes = [
  remove('keys/:name/soft-delete', {
    about: 'Refuse all use of a key until it is restored.',
    returns: keyMembers,
    fields: {
      name: shared.name,
      purge_after: f.duration('Destroy it after this time unless it is restored; 0: never by itself.').or(0),
    },
    handle: ({ engine }, { name, purge_after: purgeAfter }) =>
      stateChanged(engine, name, {
        turn: (key) => softDeleted(key, engine.keys.clock.now(), purgeAfter),
        already: 'the key was soft-deleted already: nothing changed',
      }),
  }),
  write('keys/:name/soft-delete-restore', {
    about: 'Restore a soft-deleted key to its previous state.',
    returns: keyMembers,
    fields: { name: shared.name },
    handle: ({ engine }, { name }) =>
      stateChanged(engine, name, {
        turn: (key) => restored(key, engine.keys.clock.now()),
        already: 'key was already restored',
      }),
  }),
  write('keys/:name/disable', {
    about: 'Refuse all use of a key until it is enabled.',
    returns: stateMembers,
    fields: { name: shared.name },
    handle: ({ engine }, { name }) => switchedTo(engine, name, 'disabled'),
  }),
  write('keys/:name/enable', {
    about: 'Allow the use of a disabled key again.',
    returns: stateMembers,
    fields: { name: shared.name },
    handle: ({ engine }, { name }) => switchedTo(engine, name, 'enabled'),
  }),
  read('cache-config', {
    about: 'Read how many keys should be cached.',
    returns: { size: f.int('The number of keys; 0: without limit.') },
    handle: async ({ engine }) => answer({ size: await engine.settings.cacheSize() }),
  }),
  write('cache-config', {
    about:
      'Set the size of the key cache. It is stored and shown, without effect: the cache of the storage is limited by memory.',
    returns: { size: f.int('The number of keys; 0: without limit.') },
    fields: { size: f.int('0 for no limit, or 10 and more.').limiting().or(0) },
    handle: async ({ engine }, { size }) => {
      if (size !== 0 && size < leastCache)
        throw refuse(`the cache size must be 0, for no limit, or ${leastCache} and more`)
      await engine.settings.setCacheSize(size)
      return answer({ size })
    },
  }),
]
