import { stat } from 'node:fs/promises'
import { Fault, refuse } from '../contract/fault.ts'
import type { AuditBroker } from './broker.ts'
import type { DeviceLog } from './device-log.ts'
import { readCheckpoint } from './checkpoints/checkpoint.ts'
import type { Checkpoint } from './checkpoints/checkpoint.ts'
import { rangedKeyLine } from './checkpoints/checkpoint-file.ts'
import { rangeBefore } from './lines/first-line.ts'
import { LineCutter, leafAt } from './lines/cutter.ts'
import type { LineVisitor } from './lines/cutter.ts'
import type { LogFile } from './log/files.ts'
import { chunksOf, logFilesAt } from './log/files.ts'
import type { Note } from './checkpoints/note.ts'
import { noteText } from './checkpoints/note.ts'
import { proofText } from './checkpoints/proof-file.ts'
import { SpanHasher, consistencySpans, inclusionSpans } from './checkpoints/proofs.ts'
import type { Span } from './checkpoints/proofs.ts'

/** Limits of one request: bytes of files that it reads, lines and bytes that it returns. */
const limits = { bytes: 2 * 1024 * 1024 * 1024, lines: 1000, resultBytes: 1024 * 1024 } as const

/** Answers queries of auditors from the files of a running server. One query at a time reads files: others are told to wait. */
export class LogQueries {
  readonly #broker: AuditBroker
  #reading = false

  constructor(broker: AuditBroker) {
    this.#broker = broker
  }

  /** The newest checkpoint of a device's log, and its keys. */
  checkpoint(name: string) {
    const { note, path, checkpoint } = this.#newest(name)
    const { origin, size, root } = checkpoint
    const keys = (this.#broker.signer.keysOf(path) ?? []).map((key) => rangedKeyLine(key).trimEnd())
    return { origin, size, root: Buffer.from(root).toString('base64'), checkpoint: noteText(note), keys }
  }

  /** A proof that line `seq` is under the newest checkpoint. */
  async proof(name: string, seq: number): Promise<{ readonly size: number; readonly proof: string }> {
    const { note, device, checkpoint } = this.#newest(name)
    if (seq < 1 || seq > checkpoint.size)
      throw refuse(`seq lies between 1 and ${checkpoint.size}, the lines that the newest checkpoint covers`)
    const hashes = await this.#roots(device, inclusionSpans(seq - 1, checkpoint.size), seq - 1, checkpoint.size)
    return { size: checkpoint.size, proof: proofText({ index: seq - 1, hashes, note, checkpoint }) }
  }

  /** A proof that the newest checkpoint extends the log of `from` lines. */
  async consistency(name: string, from: number) {
    const { note, device, checkpoint } = this.#newest(name)
    if (from < 1 || from > checkpoint.size)
      throw refuse(`from lies between 1 and ${checkpoint.size}, the size of the newest checkpoint`)
    const hashes = await this.#roots(device, consistencySpans(from, checkpoint.size), from - 1, checkpoint.size)
    return {
      size: checkpoint.size,
      hashes: hashes.map((hash) => Buffer.from(hash).toString('base64')),
      checkpoint: noteText(note),
    }
  }

  /** Lines as they are, from number `first`. */
  async entries(name: string, first: number, count: number): Promise<readonly string[]> {
    const device = this.#logOf(name)
    const last = device.state?.size ?? 0
    if (first < 1 || count < 1 || count > limits.lines)
      throw refuse(`first is at least 1, and count lies between 1 and ${limits.lines}`)
    if (first > last) return []
    const lines: string[] = []
    let bytes = 0
    let seq = 0
    await this.#read(device, first - 1, (files) => {
      seq = files[0]?.begin.size ?? 0
      return {
        line: (buffer, from, to) => {
          if (++seq < first || lines.length >= count || bytes >= limits.resultBytes) return
          bytes += to - from
          if (bytes <= limits.resultBytes || lines.length === 0) lines.push(buffer.toString('utf8', from, to))
        },
        enough: () => lines.length >= count || bytes >= limits.resultBytes,
      }
    })
    return lines
  }

  async rotateKeys(): Promise<void> {
    await this.#broker.signer.rotateKeys()
  }

  async #roots(device: DeviceLog, spans: readonly Span[], index: number, size: number): Promise<readonly Uint8Array[]> {
    if (spans.length === 0) return []
    let hasher: SpanHasher | undefined
    await this.#read(device, index, ([first]) => {
      const start = first && rangeBefore(first.begin)
      if (!start) throw fileMissing()
      const made = (hasher = new SpanHasher(spans, start))
      return { line: (buffer, from, to) => made.push(leafAt(buffer, from, to)), enough: () => made.size >= size }
    })
    return hasher?.roots() ?? []
  }

  /** Reads files from the one with leaf `index` on, until it is enough. */
  async #read(
    device: DeviceLog,
    index: number,
    begin: (files: readonly LogFile[]) => { readonly line: LineVisitor; readonly enough: () => boolean },
  ): Promise<void> {
    if (this.#reading) throw new Fault('rate_limited', 'another proof is being made; try again in a moment')
    this.#reading = true
    try {
      const files = await filesFrom(device, index)
      const { line, enough } = begin(files)
      for (const { path } of files) {
        const cutter = new LineCutter(line)
        for await (const chunk of chunksOf(path)) {
          cutter.push(chunk)
          if (enough()) return
        }
      }
    } finally {
      this.#reading = false
    }
  }

  #newest(name: string): {
    readonly path: string
    readonly device: DeviceLog
    readonly note: Note
    readonly checkpoint: Checkpoint
  } {
    const device = this.#logOf(name)
    const { path } = device.spec
    const note = this.#broker.signer.checkpoint(path)
    const checkpoint = note && readCheckpoint(note.text)
    if (!note || !checkpoint) throw new Fault('unavailable', 'the log has no checkpoint yet; try again in a moment')
    return { path, device, note, checkpoint }
  }

  #logOf(name: string): DeviceLog {
    const paths = [...this.#broker.signer.heads().keys()]
    const named = name === '' || name.endsWith('/') ? name : `${name}/`
    const path = named === '' && paths.length === 1 ? (paths[0] as string) : named
    if (paths.includes(path)) return this.#broker.logAt(path)
    throw refuse(`device is one of: ${paths.length > 0 ? paths.join(', ') : 'none, because no audit device has files'}`)
  }
}

async function filesFrom({ files, state }: DeviceLog, index: number): Promise<readonly LogFile[]> {
  const all = files && state ? (await logFilesAt(files.file.path)).filter(({ begin }) => begin.log === state.id) : []
  const unique = all.filter((one, at) => all.findIndex(({ begin }) => begin.file === one.begin.file) === at)
  const from = unique.findLastIndex(({ begin }) => begin.size <= index)
  const row = from < 0 ? [] : unique.slice(from)
  if (row.length === 0 || row.some(({ begin }, at) => begin.file !== (row[0]?.begin.file ?? 0) + at))
    throw fileMissing()
  let bytes = 0
  for (const { path } of row) bytes += (await stat(path)).size
  if (bytes > limits.bytes)
    throw refuse(
      'too much would have to be read for this; make it from the files, with: strongroom audit prove, consistency, read',
    )
  return row
}

const fileMissing = (): Fault =>
  new Fault('not_found', 'the file with this line is not beside the live file any more; it was removed or moved away')
