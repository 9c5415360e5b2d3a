import type { RangedKey } from '../checkpoints/checkpoint-file.ts'
import { noteText } from '../checkpoints/note.ts'
import type { NoteSigner } from '../checkpoints/note-keys.ts'
import { whyUnsigned } from '../offline/trusted-keys.ts'
import { isConsistent } from '../checkpoints/proofs.ts'
import type { WitnessMemory } from './memory.ts'
import { readSubmission } from './submission.ts'

/** An HTTP response. */
export interface WitnessResponse {
  readonly status: 200 | 400 | 403 | 404 | 409 | 422
  readonly type: string
  readonly body: string
}

export interface WitnessParts {
  readonly memory: WitnessMemory
  readonly signer: NoteSigner
  /** The keys of the watched logs; read at every submission, so that new keys take effect at once. */
  readonly keys: () => readonly RangedKey[]
}

/**
 * A witness (C2SP tlog-witness): records the size of each log, and signs only its extensions. A log that was rolled back,
 * or has different versions for different readers, gets no signature.
 */
export class Witness {
  readonly #parts: WitnessParts

  constructor(parts: WitnessParts) {
    this.#parts = parts
  }

  /** `POST add-checkpoint`. Synchronous, so that two submissions cannot interleave between check and change. */
  add(text: string): WitnessResponse {
    const { memory, signer, keys } = this.#parts
    const submission = readSubmission(text)
    if (!submission) return plain(400, 'this is no submission of a checkpoint')
    const { old, hashes, note, checkpoint } = submission
    const { origin, size, root } = checkpoint
    const own = keys().filter(({ key }) => key.name === origin)
    if (own.length === 0) return plain(404, 'this log is not known here')
    const unsigned = whyUnsigned(submission, own)
    if (unsigned !== undefined) return plain(403, `the checkpoint is not valid: ${unsigned}`)
    if (old > size) return plain(400, 'the old size is larger than the checkpoint')
    const last = memory.last(origin)?.checkpoint
    const seen = last?.size ?? 0
    if (old !== seen) return sized(seen)
    if (last && size === seen && Buffer.compare(last.root, root) !== 0) return sized(seen)
    if (last ? !isConsistent(last, checkpoint, hashes) : hashes.length > 0)
      return plain(422, 'the proof does not lead from the checkpoint that was seen to this one')
    const signature = signer.sign(note.text)
    memory.keep({ note: { text: note.text, signatures: [...note.signatures, signature] }, checkpoint })
    return {
      status: 200,
      type: 'text/plain; charset=utf-8',
      body: linesOf(noteText({ text: '', signatures: [signature] })),
    }
  }
}

/** A note's signature lines, without the empty line before them. */
const linesOf = (note: string): string => note.slice(1)

function plain(status: WitnessResponse['status'], body: string): WitnessResponse {
  return { status, type: 'text/plain; charset=utf-8', body: `${body}\n` }
}

function sized(size: number): WitnessResponse {
  return { status: 409, type: 'text/x.tlog.size', body: `${size}\n` }
}
