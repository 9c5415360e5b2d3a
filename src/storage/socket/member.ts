import { stat } from 'node:fs/promises'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { Fault } from '../../contract/fault.ts'
import { AmbiguousCommit, StorageUnavailable, onlyOwner } from '../../contract/storage.ts'
import type {
  Closer,
  Commit,
  CommitResult,
  Entry,
  ListOptions,
  Membership,
  Piece,
  Rev,
  Storage,
  Watcher,
} from '../../contract/storage.ts'
import { Watchers } from '../shared/watchers.ts'
import { Channel } from './channel.ts'
import { socketName } from './messages.ts'
import type { Call, Failure, Results, ToMember, ToOwner } from './messages.ts'

interface Waiting {
  readonly call: Call
  readonly resolve: (result: never) => void
  readonly reject: (reason: Error) => void
  /** Called in the order in which messages arrive. */
  readonly visit?: (result: Results['entries']) => void
}

/**
 * A storage owned by another process of this user, over its Unix socket. When the connection ends, `lost` is reported to
 * the watchers; the next call connects again.
 */
export class SocketStorage implements Storage {
  readonly member: Membership
  readonly #folder: string
  readonly #watchers = new Watchers()
  #type = 'socket'
  #connection: Promise<Connection> | undefined
  #live: Connection | undefined
  #closed = false
  /** The newest revision that was reported. */
  #rev: Rev = 0n

  private constructor(folder: string, name: string) {
    this.#folder = folder
    const inService = (): boolean => this.#live?.inService ?? false
    this.member = {
      name,
      get inService() {
        return inService()
      },
    }
  }

  /** @throws StorageUnavailable if no owner responds in the folder, or other users could access it. */
  static async connect(folder: string, name: string): Promise<SocketStorage> {
    const storage = new SocketStorage(folder, name)
    await storage.#connected()
    return storage
  }

  get type(): string {
    return this.#type
  }

  async get(keys: readonly string[]): Promise<readonly (Entry | undefined)[]> {
    return this.#ask({ do: 'get', keys })
  }

  async list(prefix: string, options: ListOptions): Promise<{ readonly keys: readonly string[]; readonly rev: Rev }> {
    return this.#ask({ do: 'list', prefix, options })
  }

  async commit(commit: Commit): Promise<CommitResult> {
    return this.#ask({ do: 'commit', commit })
  }

  async rev(): Promise<Rev> {
    return this.#ask({ do: 'rev' })
  }

  async entries(
    { also = [], ...range }: Parameters<Storage['entries']>[0],
    visit: (piece: Piece) => void,
  ): Promise<void> {
    await this.#ask<'entries'>({ do: 'entries', ...range, also }, (piece) => {
      const others = new Map(piece.also.map((entry) => [entry.key, entry]))
      visit({ entries: piece.entries, more: piece.more, read: (key) => others.get(key) })
    })
  }

  accompany(): void {
    throw new Error('the owner of a storage accompanies its commits')
  }

  watch(from: Rev, watcher: Watcher): Closer {
    return this.#watchers.add(from, this.#rev, watcher)
  }

  async snapshot(): Promise<never> {
    throw onlyOwner()
  }

  async replacement(): Promise<never> {
    throw onlyOwner()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#live?.end()
  }

  async #ask<T extends keyof Results>(
    call: Extract<Call, { readonly do: T }>,
    visit?: (result: Results['entries']) => void,
  ): Promise<Results[T]> {
    return (await this.#connected()).ask(call, visit)
  }

  async #connected(): Promise<Connection> {
    if (this.#closed) throw new StorageUnavailable('the storage is closed')
    this.#connection ??= this.#connect().catch((thrown: unknown) => {
      this.#connection = undefined
      throw thrown
    })
    return this.#connection
  }

  async #connect(): Promise<Connection> {
    const path = await privateSocket(this.#folder)
    const connection = new Connection(connect(path), this.member.name, {
      changed: async (rev, keys) => {
        this.#rev = rev > this.#rev ? rev : this.#rev
        await (keys ? this.#watchers.changed(rev, keys) : this.#watchers.reset())
      },
      ended: () => {
        const wasLive = this.#live !== undefined
        this.#connection = undefined
        this.#live = undefined
        if (wasLive) this.#watchers.lost()
      },
    })
    this.#type = await connection.welcomed
    const rev = await connection.ask<'rev'>({ do: 'rev' })
    this.#rev = rev > this.#rev ? rev : this.#rev
    this.#live = connection
    return connection
  }
}

interface ConnectionEvents {
  readonly changed: (rev: Rev, keys: readonly string[] | undefined) => Promise<void>
  readonly ended: () => void
}

/** The member's side of one connection. */
class Connection {
  /** The type of the owner's storage. */
  readonly welcomed: Promise<string>
  readonly #channel: Channel<ToOwner, ToMember>
  readonly #events: ConnectionEvents
  readonly #waiting = new Map<number, Waiting>()
  /** When renewals were sent that are not answered yet, monotonic. */
  readonly #renewals: number[] = []
  #welcome: { readonly resolve: (type: string) => void; readonly reject: (reason: Error) => void }
  #calls = 0
  #leaseMs = 0
  /** Until when this process may serve, monotonic. */
  #deadline = 0
  #timer: NodeJS.Timeout | undefined
  #ended = false
  #refused = 'the process that owns the storage does not answer'

  constructor(socket: Socket, name: string, events: ConnectionEvents) {
    this.#events = events
    this.#welcome = { resolve: () => {}, reject: () => {} }
    this.welcomed = new Promise((resolve, reject) => {
      this.#welcome = { resolve, reject }
    })
    this.#channel = new Channel(
      socket,
      (message) => this.#received(message),
      () => this.#end(),
    )
    this.#renewals.push(performance.now())
    this.#channel.send({ type: 'hello', name })
  }

  get inService(): boolean {
    return !this.#ended && performance.now() < this.#deadline
  }

  async ask<T extends keyof Results>(
    call: Extract<Call, { readonly do: T }>,
    visit?: (result: Results['entries']) => void,
  ): Promise<Results[T]> {
    if (this.#ended) throw new StorageUnavailable('the process that owns the storage does not answer')
    return new Promise((resolve, reject) => {
      const id = ++this.#calls
      this.#waiting.set(id, { call, resolve, reject, ...(visit && { visit }) })
      this.#channel.send({ type: 'call', id, call })
    })
  }

  end(): void {
    this.#channel.close()
  }

  #received(message: ToMember): void {
    if (message.type === 'welcome') this.#welcomed(message.storage, message.leaseMs)
    else if (message.type === 'refused') this.#refused = message.why
    else if (message.type === 'changed') void this.#apply(message)
    else if (message.type === 'renewed') this.#renewed()
    else this.#answered(message)
  }

  #welcomed(type: string, leaseMs: number): void {
    this.#leaseMs = leaseMs
    this.#renewed()
    this.#timer = setInterval(() => {
      this.#renewals.push(performance.now())
      this.#channel.send({ type: 'renew' })
    }, leaseMs / 4).unref()
    this.#welcome.resolve(type)
  }

  /** A lease begins at the time of its request, which is before the owner granted it. */
  #renewed(): void {
    this.#deadline = (this.#renewals.shift() ?? 0) + this.#leaseMs
  }

  async #apply({ number, rev, keys }: Extract<ToMember, { readonly type: 'changed' }>): Promise<void> {
    await this.#events.changed(rev, keys)
    this.#channel.send({ type: 'applied', number })
  }

  #answered(message: Extract<ToMember, { readonly type: 'result' | 'failed' }>): void {
    const waiting = this.#waiting.get(message.id)
    this.#waiting.delete(message.id)
    if (!waiting) return
    if (message.type === 'failed') {
      waiting.reject(errorOf(message.failure, message.why))
      return
    }
    try {
      waiting.visit?.(message.result as Results['entries'])
      waiting.resolve(message.result as never)
    } catch (thrown) {
      waiting.reject(thrown as Error)
    }
  }

  #end(): void {
    this.#ended = true
    clearInterval(this.#timer)
    this.#events.ended()
    this.#welcome.reject(new StorageUnavailable(`the storage of another process cannot be used: ${this.#refused}`))
    for (const { call, reject } of this.#waiting.values())
      reject(
        call.do === 'commit'
          ? new AmbiguousCommit('the process that owns the storage ended before it answered')
          : new StorageUnavailable('the process that owns the storage does not answer'),
      )
    this.#waiting.clear()
  }
}

function errorOf(failure: Failure, why: string): Error {
  if (failure === 'ambiguous') return new AmbiguousCommit(why)
  return failure === 'unavailable' ? new StorageUnavailable(why) : new Fault('internal', why)
}

/**
 * Every process that can connect to the socket can read and write the storage. @throws StorageUnavailable if other users can
 * access it
 */
async function privateSocket(folder: string): Promise<string> {
  const { uid, mode } = await stat(folder).catch((cause: unknown) => {
    throw new StorageUnavailable('the folder with the socket of the storage does not exist', { cause })
  })
  if (uid !== process.getuid?.() || (mode & 0o077) !== 0)
    throw new StorageUnavailable(
      'the folder with the socket of the storage is accessible to other users; set its mode to 0700',
    )
  return join(folder, socketName)
}
