import { createSecretKey } from 'node:crypto'
import type { Rev, Storage } from '../contract/storage.ts'
import { hmacSha256 } from '../crypto/kdf.ts'
import { hex, utf8 } from '../util/bytes.ts'
import { silent } from '../util/log.ts'
import type { Log } from '../util/log.ts'
import { Coverage } from './digests/coverage.ts'
import { Digests } from './digests/digests.ts'
import type { EncryptionCount } from './encryption-count.ts'
import { encryptValue } from './frame.ts'
import { activeTerm } from './keyring.ts'
import type { Keyring } from './keyring.ts'
import type { Names } from './names.ts'
import type { RecordChecks } from './record-checks.ts'
import type { Records } from './records.ts'
import { boundTo, openUnder } from './storing.ts'

/** Everything that exists only while the barrier is unsealed. */
export interface Unsealed {
  readonly keyring: Keyring
  /** The revision of the stored keyring that `keyring` was read from or written as. */
  readonly keyringRev: Rev
  readonly root: Uint8Array
  readonly names: Names
  readonly records: Records
  readonly checks: RecordChecks
  readonly count: EncryptionCount
}

/** The parts of a barrier that its digests need. */
export interface DigestsHost {
  readonly storage: Storage
  readonly random: (bytes: number) => Uint8Array
  readonly log?: Log
}

/** The digests of a store. Their keys are derived from that of the names. @param now the keyring in use, whose terms come and go */
export function digestsOf(host: DigestsHost, keyring: Keyring, names: Names, now: () => Keyring): Digests {
  const { storeId, nameKey } = keyring
  const key = createSecretKey(nameKey)
  const derived = (label: string): Uint8Array => hmacSha256(key, utf8(label))
  return new Digests({
    storage: host.storage,
    coverage: new Coverage(names),
    key: derived('strongroom: digests of records'),
    store: hex(derived('strongroom: store of the digests')).slice(0, 16),
    seal: (place, value) => {
      const { term, key: termKey } = activeTerm(now())
      return encryptValue(termKey, term, boundTo({ storeId }, place), value, host.random)
    },
    open: (place, frame) => openUnder(now(), place, frame),
    log: host.log ?? silent,
  })
}
