import { existsSync, readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import type { RangedKey, SignedCheckpoint } from '../checkpoints/checkpoint-file.ts'
import {
  checkpointFileOf,
  lastRecordEnd,
  longestRecord,
  readCheckpoints,
  readRangedKeys,
  vkeyFileOf,
} from '../checkpoints/checkpoint-file.ts'
import { cosignatureFileOf } from '../checkpoints/cosignature-file.ts'
import { livePaths } from './given-files.ts'
import type { Witnessed } from './trusted-keys.ts'
import { pinnedKeys, trustedKeys, whyUnsigned, witnessedBy } from './trusted-keys.ts'

/** The sources of checkpoints and keys, and the trusted keys. */
export interface EvidenceOptions {
  /** Files of checkpoints, in addition to those found beside the log. */
  readonly checkpoints?: readonly string[]
  /** Key files or vkeys of the auditor. With any, those found beside the log are trusted only if these confirm them. */
  readonly pinned?: readonly string[]
  /** Vkeys of witnesses, or files of them: each must have signed a checkpoint. */
  readonly witnesses?: readonly string[]
}

/** A checkpoint that a trusted key signed. */
interface Signed {
  readonly size: number
  /** Base64. */
  readonly root: string
  readonly file: string
}

/** A problem of a checkpoint or a key file. */
interface InvalidEvidence {
  readonly file: string
  /** Which record of the file, from 1; 0 for the file as a whole. */
  readonly record: number
  readonly about: 'checkpoint' | 'key file'
  readonly why: string
}

/** Evidence about a log in addition to its lines. */
export interface Evidence {
  readonly origins: readonly string[]
  /** By size. */
  readonly signed: ReadonlyMap<number, Signed>
  /** The largest of them. */
  readonly last?: SignedCheckpoint
  readonly invalid: readonly InvalidEvidence[]
  readonly keys: readonly RangedKey[]
  readonly pinned: boolean
  /** By the requested witnesses. */
  readonly witnessed: readonly Witnessed[]
  /** Names of the witnesses without a cosignature. */
  readonly absent: readonly string[]
}

interface Found extends SignedCheckpoint {
  readonly file: string
  readonly record: number
}

/** Reads the evidence of the logs with these origins (by default, all). @throws if a named file cannot be read */
export async function evidenceFor(
  logFiles: readonly string[],
  origin: string | undefined,
  options: EvidenceOptions,
): Promise<Evidence> {
  const live = [...new Set(logFiles.flatMap(livePaths))]
  const beside = [...[...logFiles, ...live].map(checkpointFileOf), ...live.map(cosignatureFileOf)]
  const existing = beside.filter((path) => existsSync(path))
  const invalid: InvalidEvidence[] = []
  const found: Found[] = []
  for (const file of new Set([...existing, ...(options.checkpoints ?? [])]))
    for await (const one of checkpointsIn(file, invalid))
      if (origin === undefined || one.checkpoint.origin === origin) found.push(one)
  const own = live
    .map(vkeyFileOf)
    .filter((path) => existsSync(path))
    .flatMap((path) => keysBeside(path, invalid))
  const pinnedRanges = (options.pinned ?? []).flatMap(pinnedKeys)
  const pinned = pinnedRanges.length > 0
  found.sort((a, b) => a.checkpoint.size - b.checkpoint.size)
  const keys = pinned ? trustedKeys(pinnedRanges, own, found) : own
  const signed = new Map<number, Signed>()
  let last: SignedCheckpoint | undefined
  for (const one of found) {
    const { file, record } = one
    const { size } = one.checkpoint
    const root = Buffer.from(one.checkpoint.root).toString('base64')
    const other = signed.get(size)
    const why = whyUnsigned(one, keys) ?? (other && other.root !== root ? forked(other) : undefined)
    if (why === undefined) {
      signed.set(size, { size, root, file })
      last = one
    } else invalid.push({ file, record, about: 'checkpoint', why })
  }
  const origins = [...new Set(found.map(({ checkpoint }) => checkpoint.origin))]
  const witnessKeys = (options.witnesses ?? []).flatMap(pinnedKeys).map(({ key }) => key)
  const valid = found.filter(
    ({ checkpoint: { size, root } }) => signed.get(size)?.root === Buffer.from(root).toString('base64'),
  )
  const witnessed = witnessKeys.flatMap((key) => witnessedBy(key, valid) ?? [])
  const absent = witnessKeys.map(({ name }) => name).filter((name) => witnessed.every((one) => one.name !== name))
  return { origins, signed, ...(last && { last }), invalid, keys, pinned, witnessed, absent }
}

/** The keys of a key file beside a log: an invalid one is damage, and not an error of the auditor. */
function keysBeside(file: string, invalid: InvalidEvidence[]): readonly RangedKey[] {
  try {
    return readRangedKeys(readFileSync(file, 'utf8'))
  } catch (thrown) {
    if (!(thrown instanceof Error) || 'code' in thrown) throw thrown
    invalid.push({ file, record: 0, about: 'key file', why: thrown.message })
    return []
  }
}

function forked({ file }: Signed): string {
  return `another checkpoint of the same size, in ${file}, has another root: there are two logs that claim to be this one`
}

const noCheckpoint = 'it is no checkpoint: it was changed, or strongroom did not write it'
const blockBytes = 256 * 1024

/** The checkpoints of a file, read in parts. Invalid ones are reported in `invalid`. */
async function* checkpointsIn(file: string, invalid: InvalidEvidence[]): AsyncGenerator<Found> {
  const handle = await open(file, 'r')
  try {
    const block = Buffer.alloc(blockBytes)
    let rest = ''
    let record = 0
    for (let bytes = -1; bytes !== 0;) {
      ;({ bytesRead: bytes } = await handle.read(block))
      const text = rest + block.toString('latin1', 0, bytes)
      // Bytes after the last empty line that follows a signature are being written, or were left by a crash.
      const end = lastRecordEnd(text)
      for (const one of readCheckpoints(Buffer.from(text.slice(0, end), 'latin1').toString('utf8'))) {
        record++
        if (one) yield { ...one, file, record }
        else invalid.push({ file, record, about: 'checkpoint', why: noCheckpoint })
      }
      rest = text.slice(end)
      if (rest.length > longestRecord || (bytes === 0 && rest.split('\n\n').length > 2)) {
        invalid.push({ file, record: record + 1, about: 'checkpoint', why: noCheckpoint })
        return
      }
    }
  } finally {
    await handle.close()
  }
}
