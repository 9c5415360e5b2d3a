import { chmod, mkdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { Fault } from '../../contract/fault.ts'
import { AmbiguousCommit, StorageUnavailable } from '../../contract/storage.ts'
import type { Closer, Piece, Rev, Storage } from '../../contract/storage.ts'
import type { Log } from '../../util/log.ts'
import { Channel } from './channel.ts'
import { leaseMs, socketName } from './messages.ts'
import type { Call, Failure, Results, ToMember, ToOwner } from './messages.ts'

export interface OwnerOptions {
  /** A folder for this user only, created if necessary. It contains the socket. */
  readonly folder: string
  readonly log: Log
  /** Usually `leaseMs`. */
  readonly leaseMs?: number
}

/** A storage that is shared. */
export interface SharedSocket {
  close(): Promise<void>
}

/**
 * Shares a storage with other processes of this user over a Unix socket. A commit is answered when every member has applied
 * its changes. A member that does not is disconnected, and counts as out of service when its lease has expired.
 */
export async function shareStorage(storage: Storage, options: OwnerOptions): Promise<SharedSocket> {
  const { folder, log } = options
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await chmod(folder, 0o700)
  const path = join(folder, socketName)
  await rm(path, { force: true })
  const members = new Map<string, Member>()
  const parts = { storage, log, members, leaseMs: options.leaseMs ?? leaseMs }
  const server = createServer((socket) => Member.serve(socket, parts))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  await chmod(path, 0o600)
  return {
    close: async () => {
      for (const member of members.values()) member.cut()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

interface MemberParts {
  readonly storage: Storage
  readonly log: Log
  readonly members: Map<string, Member>
  readonly leaseMs: number
}

/** The owner's side of one connection. */
class Member {
  readonly #parts: MemberParts
  readonly #channel: Channel<ToMember, ToOwner>
  /** Changes that the member has not applied yet, by their numbers; the oldest is the first. */
  readonly #unapplied = new Map<number, { readonly sentAt: number; readonly applied: () => void }>()
  /** Resolves when the member serves no more. */
  readonly #out: Promise<void>
  #setOut: () => void = () => {}
  #name: string | undefined
  #watch: Closer | undefined
  #changes = 0
  /** Monotonic time at which the last lease was granted. */
  #grantedAt = 0
  #overdue: NodeJS.Timeout | undefined
  /** When the lease of a member that was cut off has run out. */
  #expiry: NodeJS.Timeout | undefined
  #isCut = false

  /** Serves a member until its connection ends. */
  static serve(socket: Socket, parts: MemberParts): Member {
    return new Member(socket, parts)
  }

  private constructor(socket: Socket, parts: MemberParts) {
    this.#parts = parts
    this.#out = new Promise((resolve) => (this.#setOut = resolve))
    this.#channel = new Channel(
      socket,
      (message) => this.#received(message),
      () => this.#ended(),
    )
  }

  /** Ends the connection. Commits wait until the member has noticed, or its lease has expired. */
  cut(): void {
    if (this.#isCut) return
    this.#isCut = true
    clearTimeout(this.#overdue)
    this.#channel.finish()
    const rest = this.#grantedAt + this.#parts.leaseMs - performance.now()
    // One more millisecond, because timers round.
    this.#expiry = setTimeout(() => this.#channel.destroy(), Math.max(0, rest) + 1)
  }

  #received(message: ToOwner): void {
    if (this.#isCut) return
    if (message.type === 'hello') this.#welcome(message.name)
    else if (this.#name === undefined) this.cut()
    else if (message.type === 'call') void this.#respond(message.id, message.call)
    else if (message.type === 'applied') this.#applied(message.number)
    else this.#renew()
  }

  #welcome(name: string): void {
    const { members, storage } = this.#parts
    const isName = /^[\w-]{1,64}$/.test(name)
    if (this.#name !== undefined || members.has(name) || !isName) {
      const why = isName ? 'another process has that name' : 'a member needs a name of letters, digits, - and _'
      this.#channel.send({ type: 'refused', why })
      this.#channel.close()
      return
    }
    this.#name = name
    members.set(name, this)
    this.#grantedAt = performance.now()
    this.#channel.send({ type: 'welcome', storage: storage.type, leaseMs: this.#parts.leaseMs })
    this.#watch = storage.watch(0n, {
      changed: async (rev, keys) => this.#notify(rev, keys),
      reset: async () => this.#notify(0n),
      lost: async () => {
        this.cut()
        await this.#out
      },
    })
  }

  /** Resolves when the member has applied the change, or is out of service. */
  async #notify(rev: Rev, keys?: readonly string[]): Promise<void> {
    if (this.#isCut) return this.#out
    const number = ++this.#changes
    this.#channel.send({ type: 'changed', number, rev, ...(keys && { keys }) })
    await new Promise<void>((applied) => {
      this.#unapplied.set(number, { sentAt: performance.now(), applied })
      this.#expectOldest()
    })
    return undefined
  }

  #applied(number: number): void {
    this.#unapplied.get(number)?.applied()
    this.#unapplied.delete(number)
  }

  /** Half a lease is enough for every change. */
  #expectOldest(): void {
    const [oldest] = this.#unapplied.values()
    if (this.#overdue || !oldest || this.#isCut) return
    const left = oldest.sentAt + this.#parts.leaseMs / 2 - performance.now()
    // If the timer itself was late, messages that the member has sent meanwhile are read first.
    this.#overdue = setTimeout(() => setImmediate(() => this.#checkOldest()), Math.max(1, left)).unref()
  }

  #checkOldest(): void {
    this.#overdue = undefined
    const [oldest] = this.#unapplied.values()
    if (oldest && performance.now() >= oldest.sentAt + this.#parts.leaseMs / 2) this.#disconnect()
    else this.#expectOldest()
  }

  #renew(): void {
    this.#grantedAt = performance.now()
    this.#channel.send({ type: 'renewed' })
  }

  #disconnect(): void {
    this.#parts.log.error('a process did not apply changes of the storage in time; it is cut off', {
      member: this.#name ?? '',
    })
    this.cut()
  }

  /** The member has left or disconnected, or its lease has expired: it serves no more requests. */
  #ended(): void {
    this.#isCut = true
    clearTimeout(this.#overdue)
    clearTimeout(this.#expiry)
    this.#watch?.close()
    this.#setOut()
    for (const { applied } of this.#unapplied.values()) applied()
    this.#unapplied.clear()
    const { members } = this.#parts
    if (this.#name !== undefined && members.get(this.#name) === this) members.delete(this.#name)
  }

  async #respond(id: number, call: Call): Promise<void> {
    try {
      if (call.do === 'entries') return await this.#answerEntries(id, call)
      this.#channel.send({ type: 'result', id, result: await this.#perform(call) })
    } catch (thrown) {
      this.#channel.send({ type: 'failed', id, ...failureOf(thrown) })
    }
    return undefined
  }

  async #perform(call: Exclude<Call, { readonly do: 'entries' }>): Promise<Results[keyof Results]> {
    const { storage } = this.#parts
    if (call.do === 'get') return (await storage.get(call.keys)).map((entry) => entry && { ...entry })
    if (call.do === 'list') return storage.list(call.prefix, call.options)
    return call.do === 'commit' ? storage.commit(call.commit) : storage.rev()
  }

  /** Sent while the storage reads the part: the member gets it in order with the changes. */
  async #answerEntries(id: number, { also, ...range }: Extract<Call, { readonly do: 'entries' }>): Promise<void> {
    await this.#parts.storage.entries({ ...range, also }, ({ entries, more, read }: Piece) => {
      const others = also.flatMap((key) => read(key) ?? [])
      this.#channel.send({ type: 'result', id, result: { entries, more, also: others } })
    })
  }
}

function failureOf(thrown: unknown): { readonly failure: Failure; readonly why: string } {
  if (thrown instanceof StorageUnavailable) return { failure: 'unavailable', why: thrown.message }
  if (thrown instanceof Fault) return { failure: 'damaged', why: thrown.message }
  const why = thrown instanceof AmbiguousCommit ? thrown.message : 'the process that owns the storage failed'
  return { failure: 'ambiguous', why }
}
