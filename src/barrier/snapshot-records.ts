import { Fault, refuse } from '../contract/fault.ts'
import type { Replacement } from '../contract/storage.ts'
import { BrokenRecord } from './frame.ts'
import type { Keyring } from './keyring.ts'
import type { Names } from './names.ts'
import { Records } from './records.ts'
import { openUnder } from './storing.ts'

const never = async (): Promise<never> => {
  throw new Fault('internal', 'a snapshot is only read')
}

/**
 * The records of a snapshot of this storage. Nothing can be written.
 * @param keyring the present one, which has the terms of the snapshot. @throws Fault sealed
 */
export function snapshotRecords(
  stored: Pick<Replacement, 'get' | 'list'>,
  names: Names,
  keyring: () => Keyring,
): Records {
  return new Records({
    storage: {
      get: async (keys) => {
        // With wiped keys every record would seem to be absent.
        keyring()
        return stored.get(keys)
      },
      list: async (prefix, options) => {
        keyring()
        return { ...(await stored.list(prefix, options)), rev: 0n }
      },
      rev: async () => 0n,
      watch: () => ({ close: () => {} }),
      commit: never,
    },
    names,
    seal: () => {
      throw new Fault('internal', 'a snapshot is only read')
    },
    open: (place, frame) => decrypted(keyring(), place, frame),
    along: () => undefined,
    alongFolder: () => '',
    commits: undefined,
    trusted: () => undefined,
    complete: async () => {},
  })
}

function decrypted(keyring: Keyring, place: string, frame: Uint8Array): Uint8Array {
  try {
    return openUnder(keyring, place, frame)
  } catch (cause) {
    if (!(cause instanceof BrokenRecord)) throw cause
    throw refuse(
      'a record of the snapshot does not decrypt with the keys of this server: the snapshot is of a term that a restore has ' +
        'undone, or the record was damaged. Restore the snapshot into an empty server, and read it there',
      { cause },
    )
  }
}
