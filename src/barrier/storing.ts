import { utf8 } from '../util/bytes.ts'
import { Fault } from '../contract/fault.ts'
import { AmbiguousCommit, StorageUnavailable } from '../contract/storage.ts'
import type { Commit, CommitResult, Op, Storage } from '../contract/storage.ts'
import { commitName, firstCommit } from './commit-count.ts'
import { BrokenRecord, decryptValue, encryptValue, termOf } from './frame.ts'
import { activeTerm } from './keyring.ts'
import type { Keyring } from './keyring.ts'
import type { Names } from './names.ts'

/** The record of commits of a storage that begins. */
export function firstRecord(keyring: Keyring, names: Names, random: (bytes: number) => Uint8Array): Op {
  const place = names.seal(commitName)
  const { term, key } = activeTerm(keyring)
  const plain = utf8(JSON.stringify(firstCommit))
  return { put: place, value: encryptValue(key, term, boundTo(keyring, place), plain, random) }
}

/** The associated data of a value: which store it belongs to, and where in it. */
export function boundTo({ storeId }: Pick<Keyring, 'storeId'>, place: string): string {
  return `${storeId}\n${place}`
}

/** @throws BrokenRecord */
export function openUnder(keyring: Keyring, place: string, frame: Uint8Array): Uint8Array {
  const term = termOf(frame)
  const key = keyring.terms.find((candidate) => candidate.term === term)?.key
  if (!key) throw new BrokenRecord('sealed under a term that the keyring does not have')
  return decryptValue(key, boundTo(keyring, place), frame)
}

/** Commits, with the failures of a storage as faults. @throws Fault unavailable */
export async function committed(storage: Storage, commit: Commit): Promise<CommitResult> {
  try {
    return await storage.commit(commit)
  } catch (cause) {
    if (cause instanceof StorageUnavailable)
      throw new Fault('unavailable', `${cause.message}; try again later`, { cause })
    if (cause instanceof AmbiguousCommit)
      throw new Fault(
        'unavailable',
        'the storage failed; the change may or may not have been made: look before trying again',
        { cause },
      )
    throw cause
  }
}
