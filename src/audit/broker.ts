import type { AuditDevice, AuditDeviceSpec, AuditEvent, AuditOutcome } from '../contract/audit.ts'
import { Fault, refuse } from '../contract/fault.ts'
import type { View } from '../contract/view.ts'
import { base64, fromBase64 } from '../util/bytes.ts'
import type { Clock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import { Channel } from './channel.ts'
import { checkedSpec } from './options.ts'

/** Makes a device of a type from its options. @throws Fault on options that cannot be used. */
export type DeviceMaker = (options: Readonly<Record<string, string>>) => AuditDevice

export interface BrokerParts {
  readonly clock: Clock
  readonly log: Log
  readonly random: (bytes: number) => Uint8Array
  readonly types: Readonly<Record<string, DeviceMaker>>
}

interface Salt {
  readonly salt: string
  readonly generation: number
}

interface Turn {
  readonly done: Promise<void>
  readonly settle: (failed: boolean) => void
  sync: boolean
}

/** How long a device may take. One that hangs must not stop the others. */
const patience = 5000
const lazySync = 100

/**
 * Every request goes past here, before it is performed and after. Lines of one turn of the event loop are written
 * together, and everything that waits for them goes on together. With at least one device, a request whose line no
 * device took fails.
 */
export class AuditBroker {
  readonly #parts: BrokerParts
  readonly #channels = new Map<string, Channel>()
  readonly #declared = new Set<string>()
  #headers: ReadonlyMap<string, boolean> = new Map()
  #view: View | undefined
  #turn: Turn | undefined
  #working: Promise<unknown> = Promise.resolve()
  #dirty = false

  constructor(parts: BrokerParts) {
    this.#parts = parts
  }

  /** Opens the devices that the configuration declares. They write while the server is sealed too. */
  async configure(specs: readonly AuditDeviceSpec[]): Promise<void> {
    for (const spec of specs) {
      await this.#add(checkedSpec(spec), this.#parts.random(32), true)
      this.#declared.add(spec.path)
    }
  }

  /** At unseal: stored salts, the devices enabled through the API, the headers to record. */
  async open(view: View): Promise<void> {
    this.#view = view
    this.#headers = new Map(Object.entries((await view.get<Record<string, boolean>>('headers')) ?? {}))
    for (const [path, channel] of this.#channels) channel.use(await this.#salt(path, false), this.#headers, false)
    for (const name of await view.list('device/')) {
      const spec = await view.get<AuditDeviceSpec>(`device/${name}`)
      if (!spec || this.#channels.has(spec.path)) continue
      await this.#add(spec, await this.#salt(spec.path, false), false)
    }
  }

  /** At seal: only declared devices go on, under a salt of this boot. */
  async close(): Promise<void> {
    this.#view = undefined
    for (const [path, channel] of this.#channels) {
      if (this.#declared.has(path)) channel.use(this.#parts.random(32), new Map(), true)
      else await this.#drop(path)
    }
  }

  /** Writes and syncs what is left, and closes all devices. */
  async shutdown(): Promise<void> {
    await this.#turn?.done.catch(() => {})
    await this.#working
    for (const channel of this.#channels.values()) await channel.sync().catch(() => {})
    for (const path of [...this.#channels.keys()]) await this.#drop(path)
  }

  /** Opens every target again (SIGHUP). */
  async reopen(): Promise<void> {
    for (const channel of this.#channels.values()) await channel.reopen()
  }

  /** The request line. For a request that changes nothing it may still be on its way when this returns: the response line carries it. */
  request(event: AuditEvent): Promise<void> | undefined {
    if (this.#channels.size === 0) return undefined
    const now = this.#parts.clock.now()
    for (const channel of this.#channels.values()) channel.request(event, now)
    const written = this.#written(false)
    if (!event.pure) return written
    written.catch(() => {})
    return undefined
  }

  /** The response line. Resolves when it is with the kernel; for a change, when it is on disk. */
  response(event: AuditEvent, outcome: AuditOutcome): Promise<void> | undefined {
    if (this.#channels.size === 0) return undefined
    const now = this.#parts.clock.now()
    for (const channel of this.#channels.values()) channel.response(event, outcome, now)
    return this.#written(!event.pure)
  }

  /** The devices, by path. */
  devices(): AuditDeviceSpec[] {
    return [...this.#channels.values()].map(({ spec }) => spec)
  }

  /** Enables a device for good. */
  async enable(asked: AuditDeviceSpec): Promise<void> {
    const view = this.#opened()
    const spec = checkedSpec(asked)
    if ([...this.#channels.keys()].some((path) => path.startsWith(spec.path) || spec.path.startsWith(path)))
      throw refuse('path already in use')
    await this.#add(spec, await this.#salt(spec.path, true), false)
    try {
      await view.put(`device/${encodeURIComponent(spec.path)}`, spec)
    } catch (thrown) {
      await this.#drop(spec.path)
      throw thrown
    }
  }

  /** Disables a device; absent is fine. Its salts are kept, so that its old lines stay checkable. */
  async disable(path: string): Promise<void> {
    const view = this.#opened()
    if (this.#declared.has(path))
      throw refuse(`the audit device ${path} is declared in the configuration file; remove it there`)
    await view.del(`device/${encodeURIComponent(path)}`)
    if (this.#channels.has(path)) await this.#drop(path)
  }

  /** The hash of a text as a device writes it. */
  hash(path: string, input: string): string {
    const channel = this.#channels.get(path)
    if (!channel) throw refuse(`there is no audit device at ${path}; list them with sys/audit`)
    return channel.hash(input)
  }

  /** Headers that are recorded; true: hashed. */
  headers(): ReadonlyMap<string, boolean> {
    return this.#headers
  }

  /** Records a header from now on, or (undefined) no longer. */
  async setHeader(name: string, hashed: boolean | undefined): Promise<void> {
    const view = this.#opened()
    const next = await view.transaction(async (tx) => {
      const { [name]: _, ...others } = (await tx.get<Record<string, boolean>>('headers')) ?? {}
      const all = hashed === undefined ? others : { ...others, [name]: hashed }
      tx.put('headers', all)
      return all
    })
    this.#headers = new Map(Object.entries(next))
    for (const [path, channel] of this.#channels) channel.use(await this.#salt(path, false), this.#headers, false)
  }

  #opened(): View {
    if (!this.#view) throw new Fault('sealed', 'Vault is sealed', { bare: true })
    return this.#view
  }

  async #add(spec: AuditDeviceSpec, salt: Uint8Array, boot: boolean): Promise<void> {
    const make = Object.hasOwn(this.#parts.types, spec.type) ? this.#parts.types[spec.type] : undefined
    if (!make)
      throw refuse(
        `unknown backend type: "${spec.type}"; this server has: ${Object.keys(this.#parts.types).join(', ')}`,
      )
    const device = make(spec.options)
    if (
      device.target !== undefined &&
      device.target !== '/dev/null' &&
      [...this.#channels.values()].some(({ target }) => target === device.target)
    ) {
      throw refuse('another audit device writes to that target already')
    }
    const channel = new Channel(spec, device, salt, boot, this.#parts.log)
    await channel.open()
    if (!boot) channel.use(salt, this.#headers, false)
    this.#channels.set(spec.path, channel)
  }

  async #drop(path: string): Promise<void> {
    const channel = this.#channels.get(path)
    this.#channels.delete(path)
    await channel?.close()
  }

  /** The salt of a device, made once; `fresh` starts a new generation and keeps the old ones. */
  async #salt(path: string, fresh: boolean): Promise<Uint8Array> {
    const name = encodeURIComponent(path)
    const { salt } = await this.#opened().transaction(async (tx) => {
      const known = await tx.get<Salt>(`salt/${name}`)
      if (known && !fresh) return known
      const next: Salt = { salt: base64(this.#parts.random(32)), generation: (known?.generation ?? 0) + 1 }
      if (known) tx.put(`old-salt/${name}/${known.generation}`, known)
      tx.put(`salt/${name}`, next)
      return next
    })
    return fromBase64(salt) ?? new Uint8Array(32)
  }

  #written(sync: boolean): Promise<void> {
    this.#turn ??= this.#newTurn()
    this.#turn.sync ||= sync
    return this.#turn.done
  }

  #newTurn(): Turn {
    let settle: Turn['settle'] = () => {}
    const done = new Promise<void>((resolve, reject) => {
      settle = (failed) =>
        failed ? reject(new Fault('internal', 'internal error: no audit device took the line')) : resolve()
    })
    done.catch(() => {})
    const turn: Turn = { done, settle, sync: false }
    setImmediate(() => {
      this.#turn = undefined
      this.#working = this.#working.then(async () => this.#work(turn))
    })
    return turn
  }

  async #work(turn: Turn): Promise<void> {
    const outcomes = await Promise.all(
      [...this.#channels.values()].map(async (channel) => this.#deliver(channel, turn.sync)),
    )
    turn.settle(outcomes.length > 0 && !outcomes.some(Boolean))
    if (!turn.sync) this.#syncSoon()
  }

  async #deliver(channel: Channel, sync: boolean): Promise<boolean> {
    const work = async (): Promise<true> => {
      await channel.flush()
      if (sync || channel.alwaysSync) await channel.sync()
      return true
    }
    try {
      return await this.#inTime(work())
    } catch (thrown) {
      this.#parts.log.error('an audit device failed', {
        device: channel.spec.path,
        error: thrown instanceof Error ? thrown.name : 'unknown',
      })
      return false
    }
  }

  async #inTime(work: Promise<true>): Promise<boolean> {
    let timer: { cancel(): void } | undefined
    const late = new Promise<false>((resolve) => {
      timer = this.#parts.clock.after(patience, () => resolve(false))
    })
    try {
      return await Promise.race([work, late])
    } finally {
      timer?.cancel()
    }
  }

  /** Lines of pure reads reach the disk a moment later. */
  #syncSoon(): void {
    if (this.#dirty) return
    this.#dirty = true
    this.#parts.clock.after(lazySync, () => {
      this.#dirty = false
      for (const channel of this.#channels.values()) void channel.sync().catch(() => {})
    })
  }
}
