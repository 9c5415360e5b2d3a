import { existsSync, readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { refuse } from '../../contract/fault.ts'
import type { RangedKey, SignedCheckpoint } from '../checkpoint-file.ts'
import { checkpointFileOf, mayCover, readCheckpoints, readRangedKeys, vkeyFileOf } from '../checkpoint-file.ts'
import type { VerifierKey } from '../note-keys.ts'
import { readVkey, signatureTypes, verifies, vkeyText } from '../note-keys.ts'
import { livePaths } from './given-files.ts'

/** Where checkpoints and keys come from, and which keys are trusted. */
export interface EvidenceOptions {
  /** Files of checkpoints, besides those found beside the log. */
  readonly checkpoints?: readonly string[]
  /** Key files or vkeys that the auditor holds. With any, those found beside the log are only believed where these vouch for them. */
  readonly pinned?: readonly string[]
}

/** A checkpoint that a trusted key signed. */
export interface Signed {
  readonly size: number
  /** Base64. */
  readonly root: string
  readonly file: string
}

/** What is wrong with a checkpoint. */
export interface BadCheckpoint {
  readonly file: string
  /** Which record of the file, from 1. */
  readonly record: number
  readonly size: number
  readonly why: string
}

/** What is known of a log besides its lines. */
export interface Evidence {
  readonly origins: readonly string[]
  /** By size. */
  readonly signed: ReadonlyMap<number, Signed>
  readonly bad: readonly BadCheckpoint[]
  readonly keys: readonly RangedKey[]
  readonly pinned: boolean
}

interface Found extends SignedCheckpoint {
  readonly file: string
  readonly record: number
}

/** Reads what is known of the logs with these origins (all, where none is given). @throws when a named file cannot be read */
export async function evidenceFor(
  logFiles: readonly string[],
  origin: string | undefined,
  options: EvidenceOptions,
): Promise<Evidence> {
  const lives = [...new Set(logFiles.flatMap(livePaths))]
  const places = [...logFiles, ...lives].map(checkpointFileOf).filter((path) => existsSync(path))
  const bad: BadCheckpoint[] = []
  const found: Found[] = []
  for (const file of new Set([...places, ...(options.checkpoints ?? [])]))
    for await (const one of checkpointsIn(file, bad))
      if (origin === undefined || one.checkpoint.origin === origin) found.push(one)
  const own = lives.map(vkeyFileOf).filter((path) => existsSync(path)).flatMap(keysIn) // prettier-ignore
  const held = (options.pinned ?? []).flatMap(pinnedKeys)
  const pinned = held.length > 0
  found.sort((a, b) => a.checkpoint.size - b.checkpoint.size)
  const keys = pinned ? vouchedFor(held, own, found) : own
  const signed = new Map<number, Signed>()
  for (const one of found) {
    const why = wrong(one, keys, signed.get(one.checkpoint.size))
    const { file, record } = one
    const { size, root } = one.checkpoint
    if (why === undefined) signed.set(size, { size, root: Buffer.from(root).toString('base64'), file })
    else bad.push({ file, record, size, why })
  }
  return { origins: [...new Set(found.map(({ checkpoint }) => checkpoint.origin))], signed, bad, keys, pinned }
}

function wrong({ note, checkpoint }: Found, keys: readonly RangedKey[], other: Signed | undefined): string | undefined {
  const known = keys.filter(({ key }) => key.name === checkpoint.origin)
  let [good, outside] = [0, 0]
  for (const { name, id, bytes } of note.signatures) {
    const ranged = known.filter(({ key }) => key.name === name && key.id === id)
    const [first] = ranged
    if (!first) continue
    if (!verifies(first.key, note.text, bytes))
      return 'a signature on it is wrong: it was changed, or is not of this log'
    if (!ranged.some((one) => mayCover(one, checkpoint.size))) outside++
    else if (first.key.type === signatureTypes.ed25519) good++
  }
  if (good === 0 && outside > 0) return 'it is signed by a key of the log that was not to sign this part of it'
  if (good === 0) return 'it is signed by no key of this log'
  const root = Buffer.from(checkpoint.root).toString('base64')
  if (other && other.root !== root)
    return `another checkpoint of the same size, in ${other.file}, has another root: there are two logs that claim to be this one`
  return undefined
}

/**
 * The keys that an auditor holds, and those that follow from them: at a change of keys one checkpoint is signed by a
 * key that is trusted and by the new one, and the old one's part ends there.
 */
function vouchedFor(
  held: readonly RangedKey[],
  own: readonly RangedKey[],
  found: readonly Found[],
): readonly RangedKey[] {
  let trusted = [...held]
  for (const { note, checkpoint } of found) {
    const { size, origin } = checkpoint
    const signers = (keys: readonly RangedKey[]): readonly RangedKey[] =>
      keys.filter(({ key }) => key.name === origin && note.signatures.some((one) => one.name === key.name && one.id === key.id && verifies(key, note.text, one.bytes))) // prettier-ignore
    const fresh = own.filter(({ key, from }) => from === size && !trusted.some((one) => same(one.key, key)))
    if (fresh.length === 0) continue
    const old = signers(trusted.filter((one) => mayCover(one, size) && one.from < size))
    const next = old.length > 0 ? signers(fresh) : []
    if (next.length === 0) continue
    trusted = trusted.map((one) => (old.includes(one) && one.to === undefined && next.some(({ key }) => key.type === one.key.type) ? { ...one, to: size + 1 } : one)) // prettier-ignore
    trusted.push(...next)
  }
  return trusted
}

const same = (a: VerifierKey, b: VerifierKey): boolean => vkeyText(a) === vkeyText(b)

/** A vkey, or a file of vkeys, with parts or without. @throws Error */
function pinnedKeys(given: string): readonly RangedKey[] {
  const key = readVkey(given)
  if (key) return [{ key, from: 0 }]
  if (/\+[0-9a-f]{8}\+/.test(given)) throw refuse(`${given} is not the text of a public key (vkey)`)
  const bare = readFileSync(given, 'utf8').split('\n').flatMap((line) => readVkey(line.trim()) ?? []) // prettier-ignore
  return bare.length > 0 ? bare.map((one) => ({ key: one, from: 0 })) : keysIn(given)
}

function keysIn(path: string): readonly RangedKey[] {
  try {
    return readRangedKeys(readFileSync(path, 'utf8'))
  } catch (thrown) {
    throw refuse(`${path}: ${thrown instanceof Error ? thrown.message : 'cannot be read'}`, { cause: thrown })
  }
}

const blockBytes = 256 * 1024
/** A record is far shorter: behind this, the file holds something else. */
const longestRecord = 512 * 1024

/** The checkpoints of a file, read a piece at a time. What is none is said in `bad`. */
async function* checkpointsIn(file: string, bad: BadCheckpoint[]): AsyncGenerator<Found> {
  const handle = await open(file, 'r')
  try {
    const block = Buffer.alloc(blockBytes)
    let rest = ''
    let record = 0
    for (let bytes = -1; bytes !== 0;) {
      ;({ bytesRead: bytes } = await handle.read(block))
      const text = rest + block.toString('latin1', 0, bytes)
      // Behind the last empty line that follows a signature, a record is not finished.
      const end = bytes === 0 ? text.length : lastRecordEnd(text)
      for (const one of readCheckpoints(Buffer.from(text.slice(0, end), 'latin1').toString('utf8'))) {
        record++
        if (one) yield { ...one, file, record }
        else bad.push({ file, record, size: NaN, why: 'it is no checkpoint: it was changed, or strongroom did not write it' }) // prettier-ignore
      }
      rest = text.slice(end)
      if (rest.length > longestRecord) {
        bad.push({ file, record: record + 1, size: NaN, why: 'it is no checkpoint: it has no end' })
        return
      }
    }
  } finally {
    await handle.close()
  }
}

/** Where the last finished record of a piece of a file ends (in latin1: the dash of a signature is three bytes). */
function lastRecordEnd(text: string): number {
  for (let at = text.lastIndexOf('\n\n'); at > 0; at = text.lastIndexOf('\n\n', at - 1)) {
    const line = text.lastIndexOf('\n', at - 1) + 1
    if (text.startsWith('\u00e2\u0080\u0094 ', line)) return at + 2
  }
  return 0
}
