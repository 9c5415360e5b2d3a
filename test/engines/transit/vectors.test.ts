import { expect } from 'chai'
import { isMacHash } from '../../../src/crypto/hash.ts'
import { randomBytes } from '../../../src/crypto/fast/random.ts'
import type { SignatureOptions } from '../../../src/crypto/signatures/signatures.ts'
import { agreed } from '../../../src/keys/operations/agreement.ts'
import { backupOf, restoredFrom } from '../../../src/engines/transit/formats/backup.ts'
import {
  decryptText,
  encryptText,
  macHash,
  signText,
  verifyMacText,
  verifyText,
} from '../../../src/engines/transit/formats/ciphertext.ts'
import { exported } from '../../../src/engines/transit/formats/export.ts'
import { LiveKey, uncounted } from '../../../src/keys/live-key.ts'
import { hmacWith } from '../../../src/keys/operations/macs.ts'
import { transitVectors } from '../../parity/corpus.ts'
import { faultOf } from '../../support/seal-manager.ts'
import { unaudited } from '../../support/requests/key-spec.ts'

interface Row {
  readonly version: number
  readonly plaintext: string
  readonly ciphertext: string
  readonly context?: string
  readonly associated_data?: string
}
interface SignatureRow {
  readonly version: number
  readonly input: string
  readonly signature: string
  readonly context?: string
  readonly public_key?: string
  readonly hash_algorithm?: string
  readonly signature_algorithm?: string
  readonly marshaling_algorithm?: string
  readonly salt_length?: string
  readonly prehashed?: boolean
}
interface Vector {
  readonly name: string
  readonly type: string
  readonly convergent_encryption?: boolean
  readonly backup: string
  readonly versions: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly encrypt?: readonly Row[]
  readonly datakeys?: readonly Row[]
  readonly hmacs?: readonly {
    readonly version: number
    readonly algorithm: string
    readonly input: string
    readonly hmac: string
  }[]
  readonly signatures?: readonly SignatureRow[]
  readonly refused?: readonly (Row & { readonly why: string })[]
}

interface Agreement {
  readonly base_key: string
  readonly base_key_version: number
  readonly peer_public_key: string
  readonly derived_key_type: string
  readonly derived_key: string
}

const bytes = (encoded: string): Uint8Array => Buffer.from(encoded, 'base64')

function wishOf(row: SignatureRow) {
  const hash = row.hash_algorithm ?? 'sha2-256'
  const salt = row.salt_length ?? 'auto'
  const length: SignatureOptions['salt'] = salt === 'auto' || salt === 'hash' ? salt : Number(salt)
  return {
    hash: isMacHash(hash) ? hash : ('none' as const),
    prehashed: row.prehashed ?? false,
    padding: row.signature_algorithm === 'pkcs1v15' ? ('pkcs1v15' as const) : ('pss' as const),
    salt: length,
    jws: row.marshaling_algorithm === 'jws',
    context: row.context ?? '',
  }
}

describe('transit keys that OpenBao made, restored from its backups', () => {
  const { keys, ecdh } = transitVectors() as {
    readonly keys: readonly Vector[]
    readonly ecdh: readonly Agreement[]
  }
  const now = Date.UTC(2030, 0, 1)
  const bind = (row: Row) => ({
    ...(row.context && { context: row.context }),
    ...(row.associated_data && { associated: bytes(row.associated_data) }),
  })
  const restore = async (vector: Vector) => (await restoredFrom(vector.backup, randomBytes, now)).record
  /** Archived versions come back when the minimum is lowered. */
  const opened = async (vector: Vector) => {
    const record = await restore(vector)
    return new LiveKey(
      { ...record, minDecryption: Math.max(1, record.minAvailable), minEncryption: 0 },
      uncounted(randomBytes),
    )
  }
  let rows = 0

  for (const vector of keys) {
    it(`${vector.name}: its ciphertexts, data keys, HMACs and signatures are understood`, async () => {
      const key = await opened(vector)
      for (const row of [...(vector.encrypt ?? []), ...(vector.datakeys ?? [])]) {
        if (!vector.versions[row.version] || vector.name.startsWith('public-')) continue
        expect(Buffer.from(await decryptText(key, row.ciphertext, bind(row))).toString('base64')).to.equal(
          row.plaintext,
        )
        rows++
      }
      for (const { algorithm, input, hmac } of vector.hmacs ?? []) {
        expect(await verifyMacText(key, hmacWith(macHash(algorithm)), bytes(input), hmac)).to.equal(true)
        rows++
      }
      for (const row of vector.signatures ?? []) {
        expect(await verifyText(key, bytes(row.input), row.signature, wishOf(row)), JSON.stringify(row)).to.equal(true)
        const other = Uint8Array.from(
          bytes(row.input)
            .toReversed()
            .map((byte) => byte ^ 1),
        )
        expect(await verifyText(key, other, row.signature, wishOf(row))).to.equal(other.length === 0)
        rows++
      }
    })

    it(`${vector.name}: invalid cases are refused`, async () => {
      const key = await opened(vector)
      for (const row of vector.refused ?? [])
        expect(
          await faultOf(
            decryptText(new LiveKey(await restore(vector), uncounted(randomBytes)), row.ciphertext, bind(row)),
          ),
          row.why,
        )
          .to.have.property('code')
          .that.equals('invalid_request')
      expect(key.record.restored).to.not.equal(null)
    })

    it(`${vector.name}: exports as it did there, and survives a backup of ours`, async () => {
      const key = await opened(vector)
      for (const [version, parts] of Object.entries(vector.versions)) {
        for (const [kind, text] of Object.entries(parts)) {
          if (vector.name.startsWith('ed25519-derived') && kind === 'public_key') continue
          const ours = exported(key.record, kind.replace('_', '-'), '', version)[version] ?? ''
          expect(ours.trim(), kind).to.equal(text.trim())
        }
      }
      const again = (await restoredFrom(await backupOf(await restore(vector)), randomBytes, now)).record
      const { versions, ...record } = await restore(vector)
      expect({ ...again, uuid: '', versions: {} }).to.deep.equal({ ...record, uuid: '', versions: {} })
      const bare = (all: typeof versions) => Object.values(all).map((version) => ({ ...version, id: '' }))
      expect(bare(again.versions)).to.deep.equal(bare(versions))
    })

    if (vector.convergent_encryption) {
      it(`${vector.name}: equal input gives the recorded bytes again`, async () => {
        const key = await opened(vector)
        for (const row of vector.encrypt ?? [])
          expect((await encryptText(key, bytes(row.plaintext), row.version, bind(row), unaudited)).ciphertext).to.equal(
            row.ciphertext,
          )
      })
    }

    if (vector.signatures && !vector.name.startsWith('public-')) {
      it(`${vector.name}: signatures made here verify in every recorded way`, async () => {
        const key = await opened(vector)
        for (const row of vector.signatures ?? []) {
          const made = await signText(key, bytes(row.input), row.version, wishOf(row))
          expect(await verifyText(key, bytes(row.input), made.signature, wishOf(row))).to.equal(true)
          if (row.public_key) expect(made.publicKey).to.equal(row.public_key)
        }
      })
    }
  }
  for (const row of ecdh)
    it(`${row.base_key} agrees with a peer on the recorded ${row.derived_key_type} key`, async () => {
      const vector = keys.find(({ name }) => name === row.base_key)
      if (!vector) expect.fail(row.base_key)
      const size = row.derived_key_type === 'aes128-gcm96' ? 16 : 32
      const key = agreed(await opened(vector), { version: row.base_key_version, peer: row.peer_public_key, size })
      expect(Buffer.from(key).toString('base64')).to.equal(row.derived_key)
    })

  after(() => expect(rows).to.be.greaterThan(400))
})
