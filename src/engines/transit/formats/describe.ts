import type { KdfName } from '../../../crypto/kdf.ts'
import { keyType, parameterSet } from '../../../crypto/keys/key-types.ts'
import { publicKeyText, readPublic } from '../../../crypto/keys/pair-key.ts'
import { rfc3339 } from '../../../util/clock.ts'
import { fromBase64 } from '../../../util/bytes.ts'
import { LiveKey, uncounted } from '../../../keys/live-key.ts'
import { usableVersions } from '../../../keys/record.ts'
import type { KeyRecord, KeyVersion, BackupTime } from '../../../keys/record.ts'

type Described = Readonly<Record<string, unknown>>

/**
 * The response of `GET keys/:name`. Names as on the wire. `context` (base64) selects the public keys of a derived key pair
 * for this context.
 */
export function describe(key: KeyRecord, context = ''): Described {
  const { derivable, uses, pair, mac } = keyType(key.type)
  const set = parameterSet(key.type)
  return {
    name: key.name,
    type: key.type,
    ...(set !== undefined && { parameter_set: set }),
    derived: key.kdf !== null,
    ...(key.kdf === null ? {} : derivation(key, key.kdf)),
    deletion_allowed: key.deletable,
    min_available_version: key.minAvailable,
    min_decryption_version: key.minDecryption,
    min_encryption_version: key.minEncryption,
    latest_version: key.latest,
    exportable: key.exportable,
    allow_plaintext_backup: key.plaintextBackup,
    supports_encryption: uses.includes('encrypt'),
    supports_decryption: uses.includes('decrypt'),
    supports_signing: uses.includes('sign'),
    supports_derivation: derivable,
    auto_rotate_period: key.autoRotatePeriod,
    imported_key: key.origin === 'imported',
    ...(key.origin === 'imported' && { imported_key_allow_rotation: key.importRotates }),
    soft_deleted: key.state.is === 'soft-deleted',
    ...(key.size !== null && { key_size: key.size }),
    ...(key.backedUp && { backup_info: passage(key.backedUp) }),
    ...(key.restored && { restore_info: passage(key.restored) }),
    ...(mac !== 'hmac' && { keys: pair ? publicKeys(key, context) : creationTimes(key) }),
  }
}

function creationTimes(key: KeyRecord): Described {
  return Object.fromEntries(
    usableVersions(key).map(([number, { createdAt }]) => [number, Math.floor(createdAt / 1000)]),
  )
}

function publicKeys(key: KeyRecord, context: string): Described {
  const live =
    context !== '' && key.kdf !== null
      ? new LiveKey(
          key,
          uncounted(() => new Uint8Array()),
        )
      : undefined
  const entry = ([number, version]: readonly [string, KeyVersion]): [string, Described] => [
    number,
    {
      name: keyType(key.type).pair?.label,
      // The public key of a derived key pair depends on its context; without one it is part of the secret of the derivation.
      public_key: live ? live.publicText(Number(number), context) : key.kdf === null ? publicOf(version) : '',
      certificate_chain: version.certificates ?? '',
      creation_time: rfc3339(version.createdAt),
    },
  ]
  return Object.fromEntries(usableVersions(key).map(entry))
}

/** The public key of a version, in Vault's format. */
function publicOf({ open }: KeyVersion): string {
  const der = fromBase64(open ?? '')
  return der && der.length > 0 ? publicKeyText(readPublic(der)) : ''
}

function passage({ at, version }: BackupTime): Described {
  return { time: rfc3339(at), version }
}

function derivation(key: KeyRecord, kdf: KdfName): Described {
  return {
    kdf,
    ...(kdf === 'hmac-sha256-counter' ? { kdf_mode: kdf } : {}),
    convergent_encryption: key.convergent,
    // In Vault: each version of the key has its own scheme. Here there is only the third.
    ...(key.convergent ? { convergent_encryption_version: -1 } : {}),
  }
}
