import { readFileSync } from 'node:fs'
import { refuse } from '../../contract/fault.ts'
import type { RangedKey, SignedCheckpoint } from '../checkpoints/checkpoint-file.ts'
import { mayCover, readRangedKeys } from '../checkpoints/checkpoint-file.ts'
import type { VerifierKey } from '../checkpoints/verifier-key.ts'
import { timeOf, verifies } from '../checkpoints/note-keys.ts'
import { readVkey, signatureTypes, vkeyText } from '../checkpoints/verifier-key.ts'

/** Why a checkpoint is invalid; undefined if it is signed by a key of its log that may cover it. */
export function whyUnsigned({ note, checkpoint }: SignedCheckpoint, keys: readonly RangedKey[]): string | undefined {
  const matching = keys.filter(({ key }) => key.name === checkpoint.origin)
  let [valid, outside] = [0, 0]
  for (const { name, id, bytes } of note.signatures) {
    const ranged = matching.filter(({ key }) => key.name === name && key.id === id)
    const [first] = ranged
    if (!first) continue
    if (!verifies(first.key, note.text, bytes))
      return 'a signature on it is wrong: it was changed, or is not of this log'
    if (!ranged.some((one) => mayCover(one, checkpoint.size))) outside++
    else if (first.key.type === signatureTypes.ed25519) valid++
  }
  if (valid > 0) return undefined
  return outside > 0
    ? 'it is signed by a key of the log that is not valid for this part of it'
    : 'it is signed by no key of this log'
}

/**
 * The keys of an auditor, and those that follow from them: at a change of keys one checkpoint is signed by a
 * key that is trusted and by the new one, and the old one's part ends there.
 */
export function trustedKeys(
  held: readonly RangedKey[],
  own: readonly RangedKey[],
  found: readonly SignedCheckpoint[],
): readonly RangedKey[] {
  let trusted = [...held]
  for (const { note, checkpoint } of found) {
    const { size, origin } = checkpoint
    const signers = (keys: readonly RangedKey[]): readonly RangedKey[] =>
      keys.filter(
        ({ key }) =>
          key.name === origin &&
          note.signatures.some(
            (one) => one.name === key.name && one.id === key.id && verifies(key, note.text, one.bytes),
          ),
      )
    const fresh = own.filter(({ key, from }) => from === size && !trusted.some((one) => same(one.key, key)))
    if (fresh.length === 0) continue
    const old = signers(trusted.filter((one) => mayCover(one, size) && one.from < size))
    const next = old.length > 0 ? signers(fresh) : []
    if (next.length === 0) continue
    trusted = trusted.map((one) =>
      old.includes(one) && one.to === undefined && next.some(({ key }) => key.type === one.key.type)
        ? { ...one, to: size + 1 }
        : one,
    )
    trusted.push(...next)
  }
  return trusted
}

const same = (a: VerifierKey, b: VerifierKey): boolean => vkeyText(a) === vkeyText(b)

/** The keys of an argument of the auditor: a vkey, or a file of vkeys, with ranges or without. @throws Fault */
export function pinnedKeys(list: string): readonly RangedKey[] {
  const key = readVkey(list)
  if (key) return [{ key, from: 0 }]
  if (/\+[0-9a-f]{8}\+/.test(list)) throw refuse(`${list} is not the text of a public key (vkey)`)
  const bare = readFileSync(list, 'utf8')
    .split('\n')
    .flatMap((line) => readVkey(line.trim()) ?? [])
  return bare.length > 0 ? bare.map((one) => ({ key: one, from: 0 })) : keysIn(list)
}

/** A witness's signature on a checkpoint. */
export interface Witnessed {
  readonly name: string
  readonly size: number
  /** Seconds since the epoch, by the witness's clock. */
  readonly time: number
}

/** The largest checkpoint that a witness signed. Undefined if there is none. */
export function witnessedBy(key: VerifierKey, found: readonly SignedCheckpoint[]): Witnessed | undefined {
  for (const { note, checkpoint } of found.toReversed()) {
    const signature = note.signatures.find(({ name, id }) => name === key.name && id === key.id)
    if (signature && key.type === signatureTypes.cosignature && verifies(key, note.text, signature.bytes))
      return { name: key.name, size: checkpoint.size, time: Number(timeOf(signature.bytes)) }
  }
  return undefined
}

/** The keys of a key file. @throws Fault */
function keysIn(path: string): readonly RangedKey[] {
  try {
    return readRangedKeys(readFileSync(path, 'utf8'))
  } catch (thrown) {
    throw refuse(`${path}: ${thrown instanceof Error ? thrown.message : 'cannot be read'}`, { cause: thrown })
  }
}
