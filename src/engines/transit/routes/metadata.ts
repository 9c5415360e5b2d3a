import { Fault, refuse } from '../../../contract/fault.ts'
import { f } from '../../../contract/field.ts'
import { answer } from '../../../contract/response.ts'
import { routesOf } from '../../../contract/route.ts'
import { metadataOf } from '../formats/metadata.ts'
import { withMetadata } from '../../../keys/metadata.ts'
import { metadataMembers } from '../members.ts'
import { shared } from '../input.ts'
import type { KeyRecord } from '../../../keys/record.ts'
import type { Transit } from '../transit.ts'

const { read, write } = routesOf<Transit>()

const guard = f.duration('A key that was used within this time is not removed; 0: never mind.').limiting()

/** `keys/:name/metadata`: properties of a key for other protocols; `config/deletion`: the guard for keys in use. */
export const metadataRoutes = [
  read('keys/:name/metadata', {
    about: 'Read the allowed uses of a key, its state, its tags, and the usage of its versions.',
    returns: metadataMembers,
    fields: { name: shared.name },
    handle: async ({ engine }, { name }) => {
      const key = await engine.keys.find(name)
      if (!key) throw new Fault('not_found', `no key named ${name} was found`)
      return answer(metadataOf(key.record, await engine.keys.usage.of(key.record)))
    },
  }),
  write('keys/:name/metadata', {
    about:
      'Change the allowed uses of a key, its tags and its custom metadata; each given parameter replaces the previous value.',
    returns: metadataMembers,
    fields: {
      name: shared.name,
      uses: f.list('The allowed uses, from those of its type: encrypt, decrypt, sign, verify, …'),
      tags: f.map('Tags by name.'),
      custom_metadata: f.map('Strings by name.'),
    },
    handle: async ({ engine }, { name, uses, tags, custom_metadata: metadata }) => {
      const changed = await engine.keys.change(name, `no key named ${name} was found`, (key) =>
        withMetadata(key, { uses, tags, metadata }),
      )
      const record = changed as KeyRecord
      return answer(metadataOf(record, await engine.keys.usage.of(record)))
    },
  }),
  read('config/deletion', {
    about: 'Read which keys may be removed.',
    returns: { guard: f.int('Seconds for which a key that was used is not removed; 0: all may be removed.') },
    handle: async ({ engine }) => answer({ guard: await engine.keys.settings.deletionGuard() }),
  }),
  write('config/deletion', {
    about: 'Set the guard: keys that were used recently cannot be removed.',
    returns: { guard: f.int('Seconds for which a key that was used is not removed; 0: all may be removed.') },
    fields: { guard },
    handle: async ({ engine }, { guard: seconds }) => {
      if (seconds === undefined) throw refuse('give "guard": a duration, or 0 for none')
      await engine.keys.settings.setDeletionGuard(seconds)
      return answer({ guard: seconds })
    },
  }),
]
