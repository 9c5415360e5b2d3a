import { Agent as PlainAgent, request as plainRequest } from 'node:http'
import { request as secureRequest, Agent as SecureAgent } from 'node:https'
import type { ConnectionOptions } from 'node:tls'
import type { SignedCheckpoint } from '../checkpoints/checkpoint-file.ts'
import type { Note, NoteSignature } from '../checkpoints/note.ts'
import { readNote } from '../checkpoints/note.ts'
import type { VerifierKey } from '../checkpoints/verifier-key.ts'
import { verifies } from '../checkpoints/note-keys.ts'
import { submissionText } from './submission.ts'

/** A witness for checkpoints. */
export interface WitnessPlace {
  /** The submission prefix: `add-checkpoint` is below it. */
  readonly url: string
  /** Its cosignatures are accepted only under this key. */
  readonly key: VerifierKey
  readonly tls: ConnectionOptions
}

/** Computes the hashes that join two sizes of a log (RFC 6962 §2.1.2). */
type Prove = (old: number, size: number) => Promise<readonly Uint8Array[]>

/** The witness has recorded another state of the log than the submitted one. */
export class WitnessDisagrees extends Error {}

const timeLimit = 10_000
const longest = 64 * 1024

/** Submits the checkpoints of one log to one witness. */
export class WitnessClient {
  readonly #place: WitnessPlace
  readonly #agent: PlainAgent | SecureAgent
  /** The last size that the witness reported. */
  #seen = 0

  constructor(place: WitnessPlace) {
    this.#place = place
    this.#agent = place.url.startsWith('https:')
      ? new SecureAgent({ ...place.tls, maxSockets: 1 })
      : new PlainAgent({ maxSockets: 1 })
  }

  /**
   * The checkpoint with the witness's cosignature.
   * @throws WitnessDisagrees if it has recorded more lines, or other ones, than the log has now
   * @throws Error if it cannot be reached, or its response is not a cosignature
   */
  async cosigned({ note, checkpoint }: SignedCheckpoint, prove: Prove): Promise<Note> {
    const { size } = checkpoint
    for (let tries = 0; tries < 3; tries++) {
      const old = this.#seen
      const hashes = old > 0 && old < size ? await prove(old, size) : []
      const { status, body } = await this.#post(submissionText({ old, hashes, note, checkpoint }))
      if (status === 409 && /^\d{1,16}\n?$/.test(body)) {
        this.#seen = Number(body)
        if (this.#seen > size)
          throw new WitnessDisagrees(`the witness has seen ${this.#seen} lines, and the log has ${size}`)
        if (this.#seen === old)
          throw new WitnessDisagrees(`the witness has seen other lines: the same ${size} have another root`)
        continue
      }
      if (status === 422)
        throw new WitnessDisagrees(`the witness has seen other lines: the first ${old} are not the same`)
      if (status !== 200) throw new Error(`the witness answered ${status}`)
      const signature = this.#signatureIn(body, note.text)
      this.#seen = size
      return { text: note.text, signatures: [...note.signatures, signature] }
    }
    throw new Error('the witness changes its mind')
  }

  close(): void {
    this.#agent.destroy()
  }

  #signatureIn(body: string, text: string): NoteSignature {
    const { key } = this.#place
    const found = readNote(`${text}\n${body}`)?.signatures.find(({ name, id }) => name === key.name && id === key.id)
    if (!found || !verifies(key, text, found.bytes))
      throw new Error('the answer of the witness holds no cosignature of its key')
    return found
  }

  async #post(body: string): Promise<{ readonly status: number; readonly body: string }> {
    const url = `${this.#place.url.replace(/\/$/, '')}/add-checkpoint`
    const send = url.startsWith('https:') ? secureRequest : plainRequest
    const options = { method: 'POST', agent: this.#agent, signal: AbortSignal.timeout(timeLimit) }
    return new Promise((resolve, reject) => {
      const request = send(url, options, (message) => {
        const parts: Buffer[] = []
        let length = 0
        message.on('data', (part: Buffer) => {
          length += part.length
          if (length > longest) message.destroy(new Error('the answer of the witness is too long'))
          else parts.push(part)
        })
        message.on('error', reject)
        message.on('end', () =>
          resolve({ status: message.statusCode ?? 0, body: Buffer.concat(parts).toString('utf8') }),
        )
      })
      request.on('error', reject).end(body)
    })
  }
}
