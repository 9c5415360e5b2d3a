import { refuse } from '../../../contract/fault.ts'
import { f } from '../../../contract/field.ts'
import { versionNumber } from '../../../contract/names.ts'
import { answer, done } from '../../../contract/response.ts'
import { routesOf } from '../../../contract/route.ts'
import { keyType, typeNamed } from '../../../crypto/keys/key-types.ts'
import type { KeyTypeName } from '../../../crypto/keys/key-types.ts'
import { publicText } from '../../../crypto/keys/pairs.ts'
import { base64, fromBase64 } from '../../../util/bytes.ts'
import { chosen } from '../formats/export.ts'
import { imported, importedVersion, needsPrivate, withImport, wrapperFor } from '../../../keys/operations/import.ts'
import type { ImportSource } from '../../../keys/operations/import.ts'
import { exportedMembers } from '../members.ts'
import { oaepHash, shared, typeForms } from '../input.ts'
import { newKey } from '../../../keys/record.ts'
import type { KeyRecord } from '../../../keys/record.ts'
import { mustBeKind, mustBePeriod } from '../../../keys/rules.ts'
import type { Transit } from '../transit.ts'

const { read, write } = routesOf<Transit>()

const materialFields = {
  name: shared.name,
  ciphertext: f.string('The key, wrapped with the wrapping key: RSA-OAEP and AES-KWP, base64.').or(''),
  public_key: f.string('Alternatively, only the public key, PEM.').or(''),
  hash_function: f.string('Hash function of the OAEP: SHA1, SHA224, SHA256, SHA384 or SHA512.').or('SHA256'),
}
const importFields = {
  ...materialFields,
  type: f.string('The type of the key.').reads(typeForms).or('aes256-gcm96'),
  parameter_set: shared.parameter_set,
  allow_rotation: f.bool('The server may add versions of its own.').or(false),
  derived: f.bool('Every message needs a context, from which its own key is derived.').or(false),
  convergent_encryption: f.bool('Not possible for imported keys.').or(false),
  exportable: f.bool('The key can be exported; cannot be undone.').or(false),
  allow_plaintext_backup: f.bool('The key can be backed up in plain; cannot be undone.').or(false),
  auto_rotate_period: f.duration('Rotate by itself; needs allow_rotation.').limiting().or(0),
  context: shared.context,
}
type ImportValues = { readonly [K in keyof typeof importFields]: (typeof importFields)[K]['fallback'] }

const wrapFields = {
  destination: f.string('The RSA key of the recipient.').or(''),
  source: f.string('The key to export.').or(''),
  hash: f.string('Hash function of the OAEP.').or('SHA256'),
}

async function wrapOut(
  engine: Transit,
  options: { readonly destination: string; readonly source: string; readonly hash: string; readonly version?: string },
) {
  const to = await engine.keys.find(options.destination)
  const key = await engine.keys.find(options.source)
  if (!to || !key) throw refuse('the destination or the source key was not found')
  to.mustBeEnabled()
  key.mustBeEnabled()
  const wrap = wrapperFor(to, key.record, { hash: oaepHash(options.hash), random: engine.keys.random })
  const versions = chosen(key.record, options.version ?? '')
  const keys = Object.fromEntries(versions.map(([number, version]) => [number, base64(wrap(version))]))
  return answer({ name: options.source, type: key.record.type, keys })
}

/** `wrapping_key`, `keys/:name/import`, `keys/:name/import_version` and `byok-export/…`: keys from or for other servers. */
export const importRoutes = [
  read('wrapping_key', {
    // The key pair is generated at the first request for it.
    pure: false,
    about: 'Read the public key that keys to import are wrapped with.',
    returns: { public_key: f.string('The public key, PEM.') },
    handle: async ({ engine }) => answer({ public_key: publicText(await engine.keys.settings.wrappingKey()) }),
  }),
  write('keys/:name/import', {
    about: 'Import a key.',
    fields: importFields,
    handle: async ({ engine }, values) => {
      const { added } = await engine.keys.add(await recordOf(engine, values))
      if (!added) throw refuse(`the key ${values.name} exists already: use import_version to add to it`)
      return done()
    },
  }),
  write('keys/:name/import_version', {
    about: 'Add a version to an imported key, or the private key to a version that lacks it.',
    fields: { ...materialFields, version: f.int('The version that lacks its private key.') },
    handle: async ({ engine }, { name, version: wanted, ...values }) => {
      const { record } = await engine.keys.need(name)
      const material = await imported(record.type, sourceOf(values), () => engine.keys.settings.wrappingKey())
      const version = importedVersion(record.type, material, engine.keys.random, engine.keys.clock.now())
      await engine.keys.change(name, 'key not found', (key) => {
        if (key.uuid !== record.uuid) throw refuse('the key was replaced meanwhile: nothing was imported')
        return withImport(key, version, wanted)
      })
      return done()
    },
  }),
  read('byok-export/:destination/:source', {
    about: 'Wrap a key for the owner of an RSA key.',
    returns: exportedMembers,
    fields: wrapFields,
    handle: ({ engine }, options) => wrapOut(engine, options),
  }),
  read('byok-export/:destination/:source/*version', {
    about: 'Wrap one version of a key for the owner of an RSA key.',
    returns: exportedMembers,
    canonical: { version: versionNumber },
    alias: ({ destination = '', source = '' }) => `byok-export/${destination}/${source}`,
    fields: { ...wrapFields, version: f.string('latest, or a number.').or('') },
    handle: ({ engine }, options) => wrapOut(engine, options),
  }),
]

function sourceOf(values: Pick<ImportValues, 'ciphertext' | 'public_key' | 'hash_function'>): ImportSource {
  const hash = oaepHash(values.hash_function)
  const wrapped = values.ciphertext === '' ? undefined : fromBase64(values.ciphertext)
  if (values.ciphertext !== '' && !wrapped) throw refuse('the ciphertext of the import is not base64')
  return { wrapped, publicKey: values.public_key, hash }
}

/** A type of key, in any letter case. */
function importType(name: string, parameterSet: string): KeyTypeName {
  const type = typeNamed(name.toLowerCase(), parameterSet)
  if (!type) throw refuse(`unknown key type: ${name}`)
  return type
}

async function recordOf(engine: Transit, values: ImportValues): Promise<KeyRecord> {
  const type = importType(values.type, values.parameter_set)
  const { sizes } = keyType(type)
  if (values.convergent_encryption) throw refuse('imported keys cannot encrypt convergently')
  if (values.derived && values.ciphertext === '') throw refuse(needsPrivate)
  if (values.auto_rotate_period !== 0 && !values.allow_rotation) {
    throw refuse('auto_rotate_period needs allow_rotation: the versions would be made by the server')
  }
  mustBePeriod(values.auto_rotate_period)
  mustBeKind({ type, size: sizes ? sizes[0] : null, derived: values.derived, convergent: false })
  const material = await imported(type, sourceOf(values), () => engine.keys.settings.wrappingKey())
  const spec = {
    name: values.name,
    type,
    size: sizes ? material.secretKey.length : null,
    derived: values.derived,
    convergent: false,
    exportable: values.exportable,
    plaintextBackup: values.allow_plaintext_backup,
    autoRotatePeriod: values.auto_rotate_period,
  }
  const key = newKey(spec, importedVersion(type, material, engine.keys.random, engine.keys.clock.now()))
  // Vault derives from imported keys with the older function: existing ciphertexts of other servers need it.
  return { ...key, importRotates: values.allow_rotation, kdf: values.derived ? 'hmac-sha256-counter' : null }
}
