import { createSecretKey } from 'node:crypto'
import type { AcceptedDamage, Barrier, Commits, KeyStatus, RotationConfig } from '../contract/barrier.ts'
import { plainKeys } from '../contract/barrier.ts'
import { Fault, refuse } from '../contract/fault.ts'
import type { Closer, Commit, CommitResult, Companion, Op, Rev, Storage } from '../contract/storage.ts'
import type { View } from '../contract/view.ts'
import { hmacSha256 } from '../crypto/kdf.ts'
import { hex, sameBytes, utf8, wipe } from '../util/bytes.ts'
import type { Clock } from '../util/clock.ts'
import { silent } from '../util/log.ts'
import type { Log } from '../util/log.ts'
import { Mutex } from '../util/mutex.ts'
import { CommitCount, commitName, commitShape, firstCommit } from './commit-count.ts'
import { Coverage } from './coverage.ts'
import { Digests } from './digests.ts'
import { checkedByOwner } from './record-checks.ts'
import type { RecordChecks } from './record-checks.ts'
import { SharedStorage } from './shared-storage.ts'
import { EncryptionCount } from './encryption-count.ts'
import { BrokenRecord, encryptValue } from './frame.ts'
import { activeTerm, freshKeyring, unwrapKeyring, wipeKeyring, withNextTerm, wrapKeyring } from './keyring.ts'
import type { Keyring } from './keyring.ts'
import { Names } from './names.ts'
import { Records, sealedFault } from './records.ts'
import { acceptedName, acceptedShape, rotationName, rotationShape, usualRotation } from './settings.ts'
import { boundTo, committed, firstRecord, openUnder } from './storing.ts'
import { BarrierView } from './view.ts'

export interface BarrierParts {
  readonly storage: Storage
  readonly clock: Clock
  readonly random: (bytes: number) => Uint8Array
  /** Nowhere unless given. */
  readonly log?: Log
  /** Called after the barrier has sealed itself, because it could not follow what another process did. */
  readonly onLost?: (why: string) => void
}

/** Everything that exists only while the barrier is unsealed. */
interface Open {
  readonly keyring: Keyring
  /** The revision of the stored keyring that `keyring` was read from or written as. */
  readonly keyringRev: Rev
  readonly root: Uint8Array
  readonly names: Names
  readonly records: Records
  readonly checks: RecordChecks
  readonly count: EncryptionCount
}

/** The barrier over a storage. See contract/barrier.ts for what it promises and docs/formats.md for the bytes. */
export class EncryptedBarrier implements Barrier {
  readonly #parts: BarrierParts
  /** Changes of the keyring, one at a time. What must hold even without it is held by `keyringRev`. */
  readonly #changes = new Mutex()
  readonly #shared: SharedStorage
  #open: Open | undefined
  #along: (() => ReadonlyMap<string, unknown> | undefined) | undefined
  #alongFolder = ''
  #keyringWatch: Closer | undefined
  #othersSealed: Promise<void> = Promise.resolve()
  /** The keyring that this process stored last, or is about to store. */
  #storing: Uint8Array | undefined
  readonly #commits = new CommitCount()

  constructor(parts: BarrierParts) {
    this.#parts = parts
    this.#shared = new SharedStorage(parts.storage, () => this.#open)
  }

  get sealed(): boolean {
    return this.#open === undefined
  }

  get member(): string | undefined {
    return this.#parts.storage.member?.name
  }

  /** The storage as other processes use it, while this barrier is unsealed. */
  get shared(): Storage {
    return this.#shared
  }

  async initialised(): Promise<boolean> {
    return (await this.#stored()) !== undefined
  }

  async initialise(root: Uint8Array, along: readonly Op[]): Promise<void> {
    if (this.member !== undefined) throw refuse('the storage is initialised at the process that owns it')
    const { clock, random, storage } = this.#parts
    const keyring = freshKeyring(random, clock.now())
    const value = wrapKeyring(keyring, root, random)
    const names = new Names(keyring.nameKey)
    const digests = this.#digestsOf(keyring, names, () => keyring)
    digests.begin()
    storage.accompany(digests.companion)
    try {
      const result = await this.#commit({
        expect: [{ key: plainKeys.keyring, rev: 0n }],
        ops: [{ put: plainKeys.keyring, value }, firstRecord(keyring, names, random), ...along],
      })
      if (typeof result === 'string') throw refuse('Vault is already initialized')
    } finally {
      storage.accompany(this.#companion)
      digests.close()
      names.wipe()
      wipeKeyring(keyring)
    }
  }

  async unseal(root: Uint8Array, accept?: string): Promise<boolean> {
    return this.#changes.run(async () => {
      if (this.#open) return this.isRoot(root)
      const stored = await this.#stored()
      const keyring = stored && unwrapKeyring(stored.value, root)
      if (!keyring) return false
      const open = this.#enter(keyring, stored.rev, root)
      try {
        const accepted = keyring.digests ? await open.checks.check(accept) : undefined
        const commit = await this.view('').get(commitName, commitShape)
        // A release without digests did not number its commits either.
        this.#commits.resume(commit ?? (keyring.digests ? undefined : firstCommit))
        this.#keyringWatch = this.#watchKeyring()
        if (!keyring.digests) await this.#takeOver(open)
        if (accepted) await this.view('').put(acceptedName, accepted)
        await this.#mine().count.resume(this.view(''))
      } catch (thrown) {
        this.seal()
        throw thrown
      }
      return true
    })
  }

  seal(): void {
    this.#along = undefined
    this.#keyringWatch?.close()
    this.#keyringWatch = undefined
    if (!this.#open) return
    const { keyring, root, names, records, checks } = this.#open
    this.#open = undefined
    this.#othersSealed = this.#shared.lost()
    records.close()
    checks.close()
    names.wipe()
    wipeKeyring(keyring)
    root.fill(0)
  }

  async othersSealed(): Promise<void> {
    return this.#othersSealed
  }

  async isRoot(root: Uint8Array): Promise<boolean> {
    if (this.#open) return sameBytes(this.#open.root, root)
    const stored = await this.#stored()
    const keyring = stored && unwrapKeyring(stored.value, root)
    if (keyring) wipeKeyring(keyring)
    return keyring !== undefined
  }

  async changeRoot(root: Uint8Array, along: readonly Op[]): Promise<void> {
    // The owner could not follow, and would seal itself.
    if (this.member !== undefined) throw refuse('the root key is changed at the process that owns the storage')
    await this.#changes.run(async () => {
      const open = this.#mine()
      const keyringRev = await this.#replaceKeyring(open, open.keyring, root, along)
      this.#adopt(open, { keyringRev, root: Uint8Array.from(root) })
      wipe(open.root)
    })
  }

  async rotate(): Promise<void> {
    await this.#changes.run(async () => {
      const open = this.#mine()
      await this.#nextTerm(open)
      await open.count.restart(activeTerm(this.#mine().keyring).term)
    })
  }

  async accepted(): Promise<AcceptedDamage | undefined> {
    return this.view('').get(acceptedName, acceptedShape)
  }

  async acceptedIsAudited(): Promise<void> {
    await this.view('').del(acceptedName)
  }

  async sweep(): Promise<void> {
    await this.#mine().checks.sweep()
  }

  keyStatus(): KeyStatus {
    const { keyring, count } = this.#mine()
    const { term, installedAt } = activeTerm(keyring)
    return { term, installedAt, encryptions: count.total }
  }

  async rotation(): Promise<RotationConfig> {
    return (await this.view('').get(rotationName, rotationShape)) ?? usualRotation
  }

  async configureRotation(config: RotationConfig): Promise<void> {
    await this.view('').put(rotationName, config)
  }

  async rotateIfDue(): Promise<boolean> {
    const { enabled, interval, maxOperations } = await this.rotation()
    const { encryptions, installedAt } = this.keyStatus()
    const old = interval > 0 && this.#parts.clock.now() - installedAt >= interval * 1000
    if (!enabled || !(old || encryptions >= maxOperations)) return false
    await this.rotate()
    return true
  }

  attach(along: (() => ReadonlyMap<string, unknown> | undefined) | undefined, folder = ''): void {
    this.#along = along
    this.#alongFolder = folder
    if (along) this.#commits.start()
  }

  get commits(): Commits {
    return this.#commits
  }

  view(folder: string): View {
    return new BarrierView(folder, () => this.#mine().records)
  }

  /**
   * A store of a release without digests. The new term is what an older copy of the keyring does not have: put back, it does
   * not open what is written from now on.
   */
  async #takeOver(open: Open): Promise<void> {
    await open.checks.build()
    await this.#nextTerm({ ...open, keyring: { ...open.keyring, digests: true } }, open)
    await open.count.restart(activeTerm(this.#mine().keyring).term)
  }

  async #nextTerm(from: Open, open = from): Promise<void> {
    const keyring = withNextTerm(from.keyring, this.#parts.random, this.#parts.clock.now())
    const keyringRev = await this.#replaceKeyring(open, keyring, open.root, [])
    if (this.#open !== open) wipe(activeTerm(keyring).key)
    this.#adopt(open, { keyring, keyringRev })
  }

  /** While sealed nothing may be written that the digests would not know of. */
  readonly #companion: Companion = (changes, rev, read) => {
    if (this.#open) return this.#open.checks.companion(changes, rev, read)
    for (const { key, value } of changes) if (value || key.startsWith('e/')) throw sealedFault()
    return []
  }

  #enter(keyring: Keyring, keyringRev: Rev, root: Uint8Array): Open {
    const names = new Names(keyring.nameKey)
    const isMember = this.member !== undefined
    const checks = isMember ? checkedByOwner : this.#digestsOf(keyring, names, () => this.#mine().keyring)
    const count = new EncryptionCount(activeTerm(keyring).term)
    const records = new Records({
      storage: {
        get: async (keys) => this.#parts.storage.get(keys),
        list: async (prefix, options) => this.#parts.storage.list(prefix, options),
        rev: async () => this.#parts.storage.rev(),
        watch: (from, on) => this.#parts.storage.watch(from, on),
        commit: async (commit) => this.#commit(commit),
      },
      names,
      seal: (place, value) => {
        const open = this.#mine()
        const { term, key } = activeTerm(open.keyring)
        open.count.add()
        return encryptValue(key, term, boundTo(open.keyring, place), value, this.#parts.random)
      },
      open: (place, frame) => this.#openValue(place, frame),
      along: () => this.#along?.(),
      alongFolder: () => this.#alongFolder,
      commits: isMember ? undefined : this.#commits,
      trusted: (place) => checks.trusted(place),
      complete: async (place) => checks.complete(place),
    })
    const open = { keyring, keyringRev, root: Uint8Array.from(root), names, count, records, checks }
    this.#open = open
    if (!isMember) this.#parts.storage.accompany(this.#companion)
    return open
  }

  #digestsOf({ storeId, nameKey }: Keyring, names: Names, now: () => Keyring): Digests {
    const key = createSecretKey(nameKey)
    const derived = (label: string): Uint8Array => hmacSha256(key, utf8(label))
    return new Digests({
      storage: this.#parts.storage,
      coverage: new Coverage(names),
      key: derived('strongroom: digests of records'),
      store: hex(derived('strongroom: store of the digests')).slice(0, 16),
      seal: (place, value) => {
        const { term, key: termKey } = activeTerm(now())
        return encryptValue(termKey, term, boundTo({ storeId }, place), value, this.#parts.random)
      },
      open: (place, frame) => openUnder(now(), place, frame),
      log: this.#parts.log ?? silent,
    })
  }

  /** Follows the terms that other processes begin. */
  #watchKeyring(): Closer {
    return this.#parts.storage.watch(0n, {
      // No promise for the many commits that do not touch it.
      changed: (_, keys) => (keys.includes(plainKeys.keyring) ? this.#followKeyring() : undefined),
      reset: async () => this.#followKeyring(),
    })
  }

  async #followKeyring(): Promise<void> {
    const open = this.#open
    if (!open) return
    const stored = await this.#stored().catch(() => undefined)
    if (this.#open !== open) return this.#followKeyring()
    const isOwn = stored && this.#storing && sameBytes(stored.value, this.#storing)
    if (isOwn || stored?.rev === open.keyringRev) return
    const keyring = stored && unwrapKeyring(stored.value, open.root)
    if (!stored || !keyring || keyring.storeId !== open.keyring.storeId) {
      this.seal()
      this.#parts.onLost?.('the root key was changed by another process, or the keyring cannot be read')
      return
    }
    this.#open = { ...open, keyring: { ...keyring, nameKey: open.keyring.nameKey }, keyringRev: stored.rev }
    wipe(keyring.nameKey, ...open.keyring.terms.map(({ key }) => key))
    open.count.follow(activeTerm(keyring).term)
  }

  #openValue(place: string, frame: Uint8Array): Uint8Array {
    try {
      return openUnder(this.#mine().keyring, place, frame)
    } catch (cause) {
      if (!(cause instanceof BrokenRecord)) throw cause
      throw new Fault('internal', 'a stored record was changed or moved outside strongroom; restore it from a backup', {
        cause,
      })
    }
  }

  #mine(): Open {
    if (!this.#open) throw sealedFault()
    return this.#open
  }

  /**
   * Takes what was stored into use, unless a later keyring of another process is in use already. Sealing waits for nobody:
   * what was sealed meanwhile stays so. @throws Fault sealed
   */
  #adopt(open: Open, stored: Pick<Open, 'keyringRev'> & Partial<Open>): void {
    if (this.#mine().names !== open.names) throw sealedFault()
    if (this.#mine().keyringRev < stored.keyringRev) this.#open = { ...open, ...stored }
  }

  async #stored(): Promise<{ readonly value: Uint8Array; readonly rev: Rev } | undefined> {
    const [entry] = await this.#parts.storage.get([plainKeys.keyring])
    return entry
  }

  /**
   * Expects the very keyring that is in memory: one that somebody else put there, or a change of unknown outcome, must not
   * be overwritten. Wraps before it waits for anything, because `seal` wipes the keys in place.
   */
  async #replaceKeyring(open: Open, keyring: Keyring, root: Uint8Array, along: readonly Op[]): Promise<Rev> {
    const value = wrapKeyring(keyring, root, this.#parts.random)
    const stamped = open.records.stamp([{ put: plainKeys.keyring, value }, ...along])
    const expect = [{ key: plainKeys.keyring, rev: open.keyringRev }]
    this.#storing = value
    const result = await this.#commit({ expect, ops: stamped.ops })
    if (typeof result === 'string')
      throw new Fault(
        'unavailable',
        'the stored keyring is not the one in use; seal and unseal the server, then try again',
      )
    open.records.acknowledged(stamped)
    return result.rev
  }

  async #commit(commit: Commit): Promise<CommitResult> {
    return committed(this.#parts.storage, commit)
  }
}
