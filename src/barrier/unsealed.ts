import { createSecretKey } from 'node:crypto'
import { Fault } from '../contract/fault.ts'
import type { Rev, Storage } from '../contract/storage.ts'
import { hmacSha256 } from '../crypto/kdf.ts'
import { hex, utf8 } from '../util/bytes.ts'
import { silent } from '../util/log.ts'
import type { Log } from '../util/log.ts'
import { Coverage } from './digests/coverage.ts'
import { Digests } from './digests/digests.ts'
import type { EncryptionCount } from './encryption-count.ts'
import { BrokenRecord, encryptValue } from './frame.ts'
import { activeTerm } from './keyring.ts'
import type { Keyring } from './keyring.ts'
import type { Names } from './names.ts'
import type { RecordChecks } from './record-checks.ts'
import { Records } from './records.ts'
import type { RecordParts } from './records.ts'
import { boundTo, committed, openUnder } from './storing.ts'

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

/** The digests of a store. Their keys are derived from that of the names. @param now the current keyring, whose terms change */
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

/** The dependencies of the records of an unsealed barrier, besides its storage. */
export interface RecordsHost extends Pick<RecordParts, 'names' | 'along' | 'alongFolder' | 'commits'> {
  readonly storage: Storage
  readonly random: (bytes: number) => Uint8Array
  readonly checks: RecordChecks
  /** @throws Fault sealed */
  readonly unsealed: () => Unsealed
}

/** The records of a storage, encrypted under the active term of the moment. */
export function recordsOver({ storage, random, checks, unsealed, ...parts }: RecordsHost): Records {
  const { names, commits, along, alongFolder } = parts
  return new Records({
    storage: {
      get: async (keys) => storage.get(keys),
      list: async (prefix, options) => storage.list(prefix, options),
      rev: async () => storage.rev(),
      watch: (from, on) => storage.watch(from, on),
      commit: async (commit) => committed(storage, commit),
    },
    names,
    seal: (place, value) => {
      const { keyring, count } = unsealed()
      const { term, key } = activeTerm(keyring)
      count.add()
      return encryptValue(key, term, boundTo(keyring, place), value, random)
    },
    open: (place, frame) => decrypted(unsealed().keyring, place, frame),
    along,
    alongFolder,
    commits,
    trusted: (place) => checks.trusted(place),
    complete: async (place) => checks.complete(place),
  })
}

function decrypted(keyring: Keyring, place: string, frame: Uint8Array): Uint8Array {
  try {
    return openUnder(keyring, place, frame)
  } catch (cause) {
    if (!(cause instanceof BrokenRecord)) throw cause
    throw new Fault('internal', 'a stored record was changed or moved outside strongroom; restore it from a backup', {
      cause,
    })
  }
}
