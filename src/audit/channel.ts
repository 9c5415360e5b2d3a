import type { AuditDevice, AuditDeviceSpec, AuditEvent, AuditOutcome } from '../contract/audit.ts'
import type { Log } from '../util/log.ts'
import { after, chained, start } from './chain.ts'
import type { Link } from './chain.ts'
import { LineWriter } from './entry.ts'
import { Hasher } from './hasher.ts'

/** One enabled device: its lines, its salt, its chain, its queue. */
export class Channel {
  readonly spec: AuditDeviceSpec
  readonly #device: AuditDevice
  readonly #log: Log
  #hasher: Hasher
  #writer: LineWriter
  #link: Link = start
  #queue: string[] = []

  constructor(spec: AuditDeviceSpec, device: AuditDevice, salt: Uint8Array, boot: boolean, log: Log) {
    this.spec = spec
    this.#device = device
    this.#log = log
    this.#hasher = new Hasher(salt)
    this.#writer = this.#lineWriter(new Map(), boot)
  }

  get target(): string | undefined {
    return this.#device.target
  }

  get alwaysSync(): boolean {
    return this.#device.alwaysSync
  }

  /** Opens the device and goes on with the chain that it finds there. */
  async open(): Promise<void> {
    const { line, torn } = await this.#device.open()
    this.#link = line === undefined ? start : after(line)
    if (torn)
      this.#log.warn('the last audit line was cut short by a crash and was set aside', {
        bytes: torn.bytes,
        sha256: torn.sha256,
      })
  }

  /** From now on hashes are made under the stored salt (or again under one of this boot only). */
  use(salt: Uint8Array, headers: ReadonlyMap<string, boolean>, boot: boolean): void {
    this.#hasher = new Hasher(salt)
    this.#writer = this.#lineWriter(headers, boot)
  }

  hash(input: string): string {
    return this.#hasher.of(input)
  }

  request(event: AuditEvent, now: number): void {
    this.#queue.push(this.#writer.request(event, now))
  }

  response(event: AuditEvent, outcome: AuditOutcome, now: number): void {
    this.#queue.push(this.#writer.response(event, outcome, now))
  }

  /** Writes what is queued. @throws when the device did not take it; the lines are dropped then, their requests fail. */
  async flush(): Promise<void> {
    const lines = this.#queue
    if (lines.length === 0) return
    this.#queue = []
    const { text, next } = chained(this.#link, lines)
    const written = this.#device.write(text)
    if (written) await written
    this.#link = next
  }

  async sync(): Promise<void> {
    await this.#device.sync()
  }

  async reopen(): Promise<void> {
    await this.#device.reopen()
  }

  async close(): Promise<void> {
    await this.#device.close()
  }

  #lineWriter(headers: ReadonlyMap<string, boolean>, bootSalt: boolean): LineWriter {
    const { options } = this.spec
    const on = (name: string, usual: boolean): boolean => (options[name] === undefined ? usual : isTrue(options[name]))
    return new LineWriter(this.#hasher, {
      raw: on('log_raw', false),
      hmacAccessor: on('hmac_accessor', true),
      elideLists: on('elide_list_responses', false),
      headers,
      bootSalt,
    })
  }
}

/** Options are kept as texts; these mean yes. */
export const isTrue = (value: string): boolean => ['1', 't', 'true'].includes(value.toLowerCase())
