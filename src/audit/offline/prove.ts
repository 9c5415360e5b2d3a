import { sha256 } from '../../crypto/fast/digest.ts'
import { readFileSync } from 'node:fs'
import { refuse } from '../../contract/fault.ts'
import { rangeBefore } from '../lines/first-line.ts'
import type { RangedKey, SignedCheckpoint } from '../checkpoints/checkpoint-file.ts'
import { readCheckpoints } from '../checkpoints/checkpoint-file.ts'
import { readCheckpoint } from '../checkpoints/checkpoint.ts'
import { readNote } from '../checkpoints/note.ts'
import type { InclusionProof } from '../checkpoints/proof-file.ts'
import type { Span } from '../checkpoints/proofs.ts'
import { consistencySpans, inclusionSpans, isConsistent, rootOfInclusion, SpanHasher } from '../checkpoints/proofs.ts'
import { CompactRange, hashLeaf } from '../checkpoints/tree.ts'
import { evidenceFor } from './evidence.ts'
import type { OfflineLog } from './given-files.ts'
import { offlineLogs } from './given-files.ts'
import { rawLines } from './raw-lines.ts'
import type { RawLine } from './raw-lines.ts'
import { whyUnsigned } from './trusted-keys.ts'
import type { VerifyOptions } from './verify.ts'

/** The result of a proof, with the reason if it proves nothing. */
export type ProofResult = { readonly ok: true } | { readonly ok: false; readonly why: string }

/**
 * The proof that line `number` (its `seq`) is in the log: its place in the tree of the largest checkpoint.
 * @throws Fault if there is no such line or checkpoint, or the lines do not match it
 */
export async function proveLine(
  paths: readonly string[],
  number: number,
  options: VerifyOptions & { readonly log?: string },
): Promise<InclusionProof> {
  const log = await logOf(paths, options.log)
  const origin = originOf(log)
  const { last, invalid } = await evidenceFor(
    log.files.map(({ path }) => path),
    origin,
    options,
  )
  if (!last)
    throw refuse(
      invalid[0] ? `no checkpoint is valid: ${invalid[0].why}` : 'there is no checkpoint to prove it against',
    )
  const { size, root } = last.checkpoint
  if (!(number >= 1 && number <= size))
    throw refuse(`line ${number} is not signed yet: the last checkpoint covers lines 1 to ${size}`)
  const { hashes, leaf } = await hashesOf(log, inclusionSpans(number - 1, size), size, options, number)
  const led = leaf && rootOfInclusion(leaf, number - 1, size, hashes)
  if (!led || Buffer.compare(led, root) !== 0)
    throw refuse(
      'the lines of these files do not lead to the checkpoint: run "audit verify", it says where they are broken',
    )
  return { index: number - 1, hashes, ...last }
}

/** Whether a proof shows that a line (its bytes, without the line feed) is in the log, with one of these keys. */
export function checkProof(proof: InclusionProof, line: Uint8Array, keys: readonly RangedKey[]): ProofResult {
  const why = whyUnsigned(proof, keys)
  if (why !== undefined) return { ok: false, why: `its checkpoint is not valid: ${why}` }
  const { size, root } = proof.checkpoint
  const led = rootOfInclusion(hashLeaf(line), proof.index, size, proof.hashes)
  return led && Buffer.compare(led, root) === 0 ? { ok: true } : { ok: false, why: 'the proof is for another line' }
}

/** Two checkpoints of one log, the smaller one first, and the hashes that join them. */
interface Consistency {
  readonly old: SignedCheckpoint
  readonly now: SignedCheckpoint
  readonly hashes: readonly Uint8Array[]
  readonly result: ProofResult
}

/**
 * Whether the log of one checkpoint began as that of another one. Between checkpoints of different sizes the lines must
 * be available. @throws Fault on invalid files
 */
export async function compareCheckpoints(
  a: string,
  b: string,
  paths: readonly string[],
  options: VerifyOptions,
): Promise<Consistency> {
  const [old, now] = [checkpointAt(a), checkpointAt(b)].sort((x, y) => x.checkpoint.size - y.checkpoint.size) as [
    SignedCheckpoint,
    SignedCheckpoint,
  ]
  const { origin, size } = old.checkpoint
  const end = now.checkpoint.size
  if (now.checkpoint.origin !== origin) throw refuse('the checkpoints are of two logs: they have different origins')
  const { keys } = await evidenceFor(
    [...paths, ...[a, b].map((path) => path.replace(/\.checkpoints$/, ''))],
    origin,
    options,
  )
  const unsigned = [old, now].map((one) => whyUnsigned(one, keys)).find((why) => why !== undefined)
  if (unsigned !== undefined)
    return { old, now, hashes: [], result: { ok: false, why: `a checkpoint is not valid: ${unsigned}` } }
  if (size === end) {
    const same = Buffer.compare(old.checkpoint.root, now.checkpoint.root) === 0
    const why = 'a fork: both have the same size and different roots, so two different logs were signed'
    return { old, now, hashes: [], result: same ? { ok: true } : { ok: false, why } }
  }
  if (paths.length === 0)
    throw refuse('checkpoints of different sizes are compared by the lines: name the files of the log, too')
  const log = (await offlineLogs(paths)).find((one) => originOf(one) === origin)
  if (!log) throw refuse('none of these files belongs to the log of the checkpoints')
  const { hashes } = await hashesOf(log, consistencySpans(size, end), end, options)
  const ok = isConsistent(old.checkpoint, now.checkpoint, hashes)
  const why = 'the lines do not lead from one to the other: they were changed, or the checkpoints are of a fork'
  return { old, now, hashes, result: ok ? { ok } : { ok, why } }
}

/** The checkpoint in a file: a note of its own, or the last one of a checkpoint file. @throws Fault */
function checkpointAt(path: string): SignedCheckpoint {
  const text = readFileSync(path, 'utf8')
  const note = readNote(text)
  const checkpoint = note && readCheckpoint(note.text)
  const found = note && checkpoint ? { note, checkpoint } : readCheckpoints(text).at(-1)
  if (!found) throw refuse(`${path} holds no checkpoint`)
  return found
}

function originOf({ files }: OfflineLog): string | undefined {
  return files.find(({ begin }) => begin)?.begin?.origin
}

async function logOf(paths: readonly string[], id: string | undefined): Promise<OfflineLog> {
  const logs = (await offlineLogs(paths)).filter((log) => id === undefined || log.id.startsWith(id))
  const [log] = logs
  if (!log) throw refuse('these files hold no such log')
  if (logs.length > 1)
    throw refuse(`these files hold ${logs.length} logs: choose one with -log (${logs.map((one) => one.id).join(', ')})`)
  return log
}

/** The roots of spans over the first `size` lines of a log, and the leaf of one of them. */
async function hashesOf(
  { files }: OfflineLog,
  spans: readonly Span[],
  size: number,
  { progress }: VerifyOptions,
  number = 0,
): Promise<{ readonly hashes: readonly Uint8Array[]; readonly leaf?: Uint8Array }> {
  const begin = files[0]?.begin
  const start = begin ? rangeBefore(begin) : new CompactRange()
  if (!start) throw refuse('the first of these files does not have the tree before it: give the earlier files, too')
  let leaf: Uint8Array | undefined
  try {
    const hasher = new SpanHasher(spans, start)
    if (number > 0 && number <= start.size) throw new RangeError('this line is in files that were not given')
    for (const { path } of files)
      for await (const lines of rawLines(path, progress)) leaf = pushLeaves(lines, hasher, size, number) ?? leaf
    return { hashes: hasher.roots(), ...(leaf && { leaf }) }
  } catch (thrown) {
    if (thrown instanceof RangeError) throw refuse(thrown.message)
    throw thrown
  }
}

/** Adds lines to the spans, up to `size` lines in all. Returns the leaf of line `number`, if it is one of them. */
function pushLeaves(
  lines: readonly RawLine[],
  hasher: SpanHasher,
  size: number,
  number: number,
): Uint8Array | undefined {
  let leaf: Uint8Array | undefined
  for (const { bytes, whole } of lines) {
    if (!whole || hasher.size >= size) break
    const hashed = sha256(bytes)
    hasher.push(hashed)
    if (hasher.size === number) leaf = hashed
  }
  return leaf
}
