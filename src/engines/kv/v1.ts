import { defineEngine } from '../../contract/engine.ts'
import type { Engine, EngineHost, Recovery } from '../../contract/engine.ts'
import { changedMeanwhile } from '../../contract/engine.ts'
import { Fault, refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { answer, done } from '../../contract/response.ts'
import { namesIn } from '../../contract/wire/page.ts'
import { keys } from '../../contract/wire/returns.ts'
import { routesOf } from '../../contract/route.ts'
import type { Transaction, View } from '../../contract/view.ts'
import { parseDuration } from '../../util/duration.ts'
import type { Json } from '../../util/json.ts'
import { folderOf, nameToWrite, path, plainFolder, scanned, secretAt, valuesShape } from './names.ts'
import { upgradeMark, upgrading } from './upgrade.ts'

/** One mount of KV version 1: one map of values per name. A write replaces the whole map. */
interface PlainSecrets {
  readonly host: EngineHost
  /** `secret/<name>`. */
  readonly secrets: View
}

const { read, list, scan, write, remove } = routesOf<PlainSecrets>()

/** KV version 1 (`vault-api` 1.6): secrets without versions. */
export function plainEngine(type: 'kv' | 'generic'): Engine {
  return defineEngine<PlainSecrets>({
    type,
    kind: 'secret',
    ...(type === 'kv' && { version: '1' }),
    about: 'Secrets by name.',
    start: (host) => ({ host, secrets: host.view.under(plainFolder) }),
    recovery,
    routes: [...readRoutes, ...writeRoutes],
  })
}

const readRoutes = [
  read('*path', {
    about: 'Read a secret.',
    returns: { '*': f.any('The values of the secret, by their names.') },
    fields: path,
    handle: async ({ engine }, { path: input }) => {
      await refuseWhileUpgrading(engine)
      const name = secretAt(input)
      const data = name && (await engine.secrets.get(name, valuesShape))
      if (!data) throw new Fault('not_found', 'no such secret')
      return { ...answer(data), leaseDuration: lifetimeOf(data, engine.host.limits().defaultTtl) }
    },
  }),
  list('*path', {
    about: 'List the names in a folder.',
    returns: keys('The names; those of folders end in a slash.'),
    fields: path,
    handle: async ({ engine }, { path: folder }) => {
      await refuseWhileUpgrading(engine)
      return answer({ keys: await namesIn(engine.secrets, folderOf(folder), 'nothing to list') })
    },
  }),
  scan('*path', {
    about: 'List every name below a folder.',
    returns: keys('The names, as seen from the folder.'),
    fields: path,
    handle: async ({ engine }, { path: folder }) => {
      await refuseWhileUpgrading(engine)
      const found = await scanned(engine.secrets, folderOf(folder))
      return answer(found.length > 0 ? { keys: found } : {})
    },
  }),
]

const writeRoutes = [
  write('*path', {
    about: 'Write a secret: all its values.',
    anyFields: true,
    fields: path,
    exists: async ({ engine }, { path: input = '' }) => {
      const name = secretAt(input)
      return name !== undefined && (await engine.secrets.get(name)) !== undefined
    },
    handle: async ({ engine, request, confirm }, { path: input }) => {
      const name = nameToWrite(input)
      if (Object.keys(request.data).length === 0) throw refuse('missing data fields')
      await change(engine, async (tx) => {
        confirm((await tx.get(plainFolder + name)) !== undefined)
        tx.put(plainFolder + name, request.data)
      })
      return done()
    },
  }),
  remove('*path', {
    about: 'Remove a secret.',
    fields: path,
    handle: async ({ engine }, { path: input }) => {
      const name = secretAt(input)
      if (name) await change(engine, (tx) => tx.del(plainFolder + name))
      return done()
    },
  }),
]

const recovery: Recovery<PlainSecrets> = {
  nameOf: secretAt,
  example: 'app/db',
  exists: async ({ secrets }, name) => (await secrets.get(name)) !== undefined,
  find: async (from, name, version) => {
    if (version !== undefined) throw refuse('the secrets of KV version 1 have no versions: leave "version" out')
    const data = await from.get(plainFolder + name, valuesShape)
    return (
      data && {
        reads: [{ operation: 'read', path: name }],
        writes: ({ name: to, exists }) => [{ operation: exists ? 'update' : 'create', path: to, data }],
        write: async (engine, { name: to, exists }) =>
          change(engine, async (tx) => {
            if (((await tx.get(plainFolder + to)) !== undefined) !== exists) throw changedMeanwhile()
            tx.put(plainFolder + to, data)
          }),
      }
    )
  },
}

/** A secret that the upgrade has already moved must not look removed. */
async function refuseWhileUpgrading({ host }: PlainSecrets): Promise<void> {
  if (await host.view.get(upgradeMark)) throw upgrading()
}

/** Writes or removes; never once the mount's upgrade has begun, which would lose the change. */
async function change({ host }: PlainSecrets, work: (tx: Transaction) => Promise<void> | void): Promise<void> {
  await host.view.transaction(async (tx) => {
    if (await tx.get(upgradeMark)) throw upgrading()
    await work(tx)
  })
}

/** Seconds for which a reader may cache the secret: its own `ttl`, otherwise its `lease`, otherwise the mount's default. */
function lifetimeOf(data: Json, fallback: number): number {
  const own = Object.hasOwn(data, 'ttl') ? data['ttl'] : data['lease']
  if (own === null || own === '') return 0
  if (typeof own === 'string') return parseDuration(own) ?? fallback
  return typeof own === 'number' && Number.isInteger(own) && own >= 0 ? own : fallback
}
