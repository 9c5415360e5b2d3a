import { f } from '../../contract/field.ts'
import type { Fields } from '../../contract/field.ts'

/** Members of responses that several routes share. */
const key_version = f.int('The version of the key.')

/** The members of a response to a batch as well as to a single item. */
export const orBatch = (members: Fields): Fields => ({
  ...members,
  batch_results: f.array('The results of a batch, in the order of its items: the same members each, or `error`.'),
})

/** The result of `encryptText`. */
export const encryptedMembers = { ciphertext: f.string('The ciphertext: vault:v<version>:<base64>.'), key_version }

/** A key or data in plain. */
export const decryptedMembers = { plaintext: f.base64('The data, base64.').secret() }

/** The result of signing. */
export const signedMembers = {
  signature: f.string('The signature: vault:v<version>:<base64>.'),
  key_version,
  public_key: f.string('The public key of the context, for derived keys.'),
}

/** The members of `describe`. */
export const keyMembers = {
  name: f.string('Its name.'),
  type: f.string('Its type.'),
  parameter_set: f.string('Of types ml-dsa, ml-kem and slh-dsa: which one.'),
  derived: f.bool('Every message needs a context, from which its own key is derived.'),
  kdf: f.string('How keys of contexts are derived.'),
  kdf_mode: f.string('The mode of the older key derivation.'),
  convergent_encryption: f.bool('Equal messages have equal ciphertexts.'),
  convergent_encryption_version: f.int('Always -1: each version has its own scheme.'),
  deletion_allowed: f.bool('The key can be removed.'),
  min_available_version: f.int('Older versions were removed permanently; 0: none.'),
  min_decryption_version: f.int('Older versions decrypt no longer.'),
  min_encryption_version: f.int('Older versions encrypt no longer; 0: only the latest by default.'),
  latest_version: f.int('The newest version.'),
  exportable: f.bool('The key can be exported.'),
  allow_plaintext_backup: f.bool('The key can be backed up in plain.'),
  supports_encryption: f.bool('Its type can encrypt.'),
  supports_decryption: f.bool('Its type can decrypt.'),
  supports_signing: f.bool('Its type can sign.'),
  supports_derivation: f.bool('Its type can be derived.'),
  auto_rotate_period: f.int('Seconds after which it rotates by itself; 0: never.'),
  imported_key: f.bool('It was imported.'),
  imported_key_allow_rotation: f.bool('The server may add versions to the imported key.'),
  soft_deleted: f.bool('All use is refused until it is restored.'),
  key_size: f.int('The size of an hmac key, bytes.'),
  backup_info: f.object('When it was last backed up.'),
  restore_info: f.object('When it was restored.'),
  keys: f.object('The versions: their creation times, or their public keys.'),
}

/** The members of `metadataOf`. Times are empty for events that have not happened. */
export const metadataMembers = {
  name: keyMembers.name,
  uuid: f.string('Its UUID, which never changes.'),
  aliases: f.list('Further names of the key.'),
  type: keyMembers.type,
  uses: f.list('The operations that it may be used for.'),
  state: f.string('`enabled`, `disabled` or `soft-deleted`.'),
  deletion_time: f.string('When it was soft-deleted.'),
  purge_time: f.string('When it will be destroyed.'),
  origin: f.string('`generated` or `imported`.'),
  creation_time: f.string('The time of its creation.'),
  last_use_time: f.string('When it was last used.'),
  tags: f.map('Tags by name.'),
  custom_metadata: f.map('Strings by name.'),
  versions: f.object('Times, origin and number of encryptions of each version.'),
}

/** Key material or public keys, by version. */
export const exportedMembers = {
  name: keyMembers.name,
  type: keyMembers.type,
  keys: f.map('The keys, by version.').secret(),
}
