import { generateKeyPairSync, hash } from 'node:crypto'
import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { originOf } from '../../src/audit/lines/first-line.ts'
import {
  archiveOf,
  checkpointFileOf,
  checkpointRecord,
  rangedKeyLine,
  vkeyFileOf,
} from '../../src/audit/checkpoints/checkpoint-file.ts'
import { checkpointText } from '../../src/audit/checkpoints/checkpoint.ts'
import { chained, leafHash, start } from '../../src/audit/lines/chain.ts'
import type { Link } from '../../src/audit/lines/chain.ts'
import type { NoteSigner } from '../../src/audit/checkpoints/note-keys.ts'
import { ed25519Signer } from '../../src/audit/checkpoints/note-keys.ts'
import { vkeyText } from '../../src/audit/checkpoints/verifier-key.ts'
import { CompactRange } from '../../src/audit/checkpoints/tree.ts'

/** Writes a log as docs/formats.md has it, with a signing key that the test holds: what a thief of the key could write. */
export class SampleLog {
  readonly path: string
  readonly id: string
  readonly origin: string
  range = new CompactRange()
  link: Link = start
  signers: NoteSigner[]
  readonly #time: string
  #file = 1
  #first = 1
  #ranges: { readonly signer: NoteSigner; readonly from: number; to?: number }[]

  constructor(path: string, id = hash('sha256', path).slice(0, 32), time = '2026-11-23T14:02:11') {
    this.path = path
    this.id = id
    this.#time = time
    this.origin = originOf('file/', this.id)
    this.signers = [this.newSigner()]
    this.#ranges = this.signers.map((signer) => ({ signer, from: 0 }))
    writeFileSync(path, '')
    this.#writeKeys()
    this.begin()
  }

  get size(): number {
    return this.link.seq - 1
  }

  newSigner(): NoteSigner {
    return ed25519Signer(this.origin, generateKeyPairSync('ed25519').privateKey)
  }

  /** Lines without their ends. */
  add(...open: readonly string[]): this {
    const { text, next } = chained(this.link, open)
    this.link = next
    for (const line of text.split('\n').slice(0, -1)) this.range.push(Buffer.from(leafHash(line), 'base64'))
    appendFileSync(this.path, text)
    return this
  }

  /** So many requests. */
  requests(count: number): this {
    for (let at = 0; at < count; at++) this.add(this.request(this.size + 1))
    return this
  }

  request(number: number, data: unknown = { number, text: 'hmac-sha256:ü' }): string {
    const request = { id: `r${number}`, operation: 'update', path: `kv/${number}`, data }
    const auth = { display_name: 'token-app', policy_results: { allowed: true } }
    return JSON.stringify({ time: this.#at(number), type: 'request', auth, request }).slice(0, -1)
  }

  /** A line of the log about itself. */
  own(about: string, data: unknown): this {
    const request = { id: 'own', operation: 'update', namespace: { id: 'root' }, path: `sys/audit/${about}`, data }
    return this.add(JSON.stringify({ time: this.#at(this.size + 1), type: 'request', request }).slice(0, -1))
  }

  begin(more: object = {}): this {
    const { id: log, origin, size } = this
    const peaks = this.range.peaks.map((peak) => Buffer.from(peak).toString('base64'))
    const keys = this.signers.map(({ key }) => vkeyText(key))
    return this.own('begin', { format: 1, log, origin, device: 'file/', file: this.#file, size, peaks, keys, ...more })
  }

  checkpoint(signers: readonly NoteSigner[] = this.signers, range = this.range): this {
    const text = checkpointText({ origin: this.origin, size: range.size, root: range.root() })
    const note = { text, signatures: signers.map((signer) => signer.sign(text)) }
    appendFileSync(checkpointFileOf(this.path), checkpointRecord(note))
    return this
  }

  /** Closes the file and goes on in a new one. @returns the closed one's path */
  rotate(): string {
    const closed = archiveOf(this.path, this.id, this.#first, this.size)
    renameSync(this.path, closed)
    renameSync(checkpointFileOf(this.path), checkpointFileOf(closed))
    this.#file++
    this.#first = this.size + 1
    this.begin({ previous: closed })
    return closed
  }

  /** Another key from here on. */
  rotateKey(): this {
    const before = this.signers
    this.signers = [this.newSigner()]
    this.own('keys', { keys: this.signers.map(({ key }) => vkeyText(key)), size: this.size + 1 })
    this.checkpoint([...before, ...this.signers])
    for (const range of this.#ranges) range.to ??= this.size + 1
    this.#ranges.push(...this.signers.map((signer) => ({ signer, from: this.size })))
    this.#writeKeys()
    return this
  }

  lines(path = this.path): string[] {
    return readFileSync(path, 'utf8').split('\n').slice(0, -1)
  }

  #at(number: number): string {
    return `${this.#time}.${String(number).padStart(9, '0')}Z`
  }

  #writeKeys(): void {
    const lines = this.#ranges.map(({ signer: { key }, from, to }) => rangedKeyLine({ key, from, ...(to !== undefined && { to }) })) // prettier-ignore
    writeFileSync(vkeyFileOf(this.path), lines.join(''))
  }
}
