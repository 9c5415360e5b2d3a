import { refuse } from '../../../contract/fault.ts'
import { f } from '../../../contract/field.ts'
import { answer } from '../../../contract/response.ts'
import { routesOf } from '../../../contract/route.ts'
import { describe } from '../formats/describe.ts'
import { keyMembers } from '../members.ts'
import { shared } from '../input.ts'
import type { KeyRecord } from '../../../keys/record.ts'
import { withSettings } from '../../../keys/settings.ts'
import type { Transit } from '../transit.ts'

const { read, write } = routesOf<Transit>()

const fields = {
  name: shared.name,
  min_decryption_version: f.int('Older versions decrypt no longer.'),
  min_encryption_version: f.int('Older versions encrypt no longer; 0: only the latest by default.'),
  deletion_allowed: f.bool('The key can be removed.'),
  exportable: f.bool('The key can be exported; cannot be undone.'),
  allow_plaintext_backup: f.bool('The key can be backed up in plain; cannot be undone.'),
  auto_rotate_period: f.duration('The period of automatic rotation, at least 1h; 0: none.').limiting(),
}

type Change = { readonly [K in Exclude<keyof typeof fields, 'name'>]: (typeof fields)[K]['fallback'] }

/** `keys/:name/config` and `config/keys`. */
export const configRoutes = [
  write('keys/:name/config', {
    about: 'Change the settings of a key.',
    returns: keyMembers,
    fields,
    handle: async ({ engine, request }, { name, ...change }) => {
      const warnings: string[] = []
      if (request.data['min_decryption_version'] === null) throw refuse('min_decryption_version must be a number')
      const record = await engine.keys.change(name, `no existing key named ${name} could be found`, (key) =>
        configured(key, change, warnings),
      )
      return { ...answer(describe(record as KeyRecord)), ...(warnings.length > 0 && { warnings }) }
    },
  }),
  read('config/keys', {
    about: 'Read the settings of the mount.',
    returns: { disable_upsert: f.bool('Encryption with a key that does not exist never creates it.') },
    handle: async ({ engine }) => answer({ disable_upsert: (await engine.settings.keys()).disableUpsert }),
  }),
  write('config/keys', {
    about: 'Change the settings of the mount.',
    returns: { disable_upsert: f.bool('Encryption with a key that does not exist never creates it.') },
    fields: { disable_upsert: f.bool('Encryption with a key that does not exist never creates it.').or(false) },
    handle: async ({ engine }, { disable_upsert: disableUpsert }) => {
      await engine.settings.setKeys({ disableUpsert })
      return answer({ disable_upsert: disableUpsert })
    },
  }),
]

function configured(key: KeyRecord, change: Change, warnings: string[]): KeyRecord {
  return withSettings(key, {
    minDecryption: minimum(change.min_decryption_version, warnings),
    minEncryption: change.min_encryption_version,
    deletable: change.deletion_allowed,
    exportable: change.exportable,
    plaintextBackup: change.allow_plaintext_backup,
    autoRotatePeriod: change.auto_rotate_period,
  })
}

function minimum(wanted: number | undefined, warnings: string[]): number | undefined {
  if (wanted !== 0) return wanted
  warnings.push('versions count from 1: the minimum was set to 1')
  return 1
}
