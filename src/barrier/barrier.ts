import type { AcceptedDamage, Barrier, Commits, KeyStatus, RotationConfig } from '../contract/barrier.ts'
import { plainKeys } from '../contract/barrier.ts'
import { Fault, refuse } from '../contract/fault.ts'
import type { Closer, Companion, Op, Rev, Storage } from '../contract/storage.ts'
import type { View } from '../contract/view.ts'
import { sameBytes, wipe } from '../util/bytes.ts'
import type { Clock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import { Mutex } from '../util/mutex.ts'
import { CommitCount, commitName, commitShape, firstCommit } from './commit-count.ts'
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
import { digestsOf } from './unsealed.ts'
import type { Unsealed } from './unsealed.ts'
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

/** The barrier over a storage. See contract/barrier.ts for what it promises and docs/formats.md for the bytes. */
export class EncryptedBarrier implements Barrier {
  readonly #parts: BarrierParts
  /** Changes of the keyring, one at a time. What must hold even without it is held by `keyringRev`. */
  readonly #changes = new Mutex()
  readonly #shared: SharedStorage
  #unsealed: Unsealed | undefined
  #along: (() => ReadonlyMap<string, unknown> | undefined) | undefined
  #alongFolder = ''
  #keyringWatch: Closer | undefined
  #othersSealed: Promise<void> = Promise.resolve()
  /** The keyring that this process stored last, or is about to store. */
  #storing: Uint8Array | undefined
  readonly #commits = new CommitCount()

  constructor(parts: BarrierParts) {
    this.#parts = parts
    this.#shared = new SharedStorage(parts.storage, () => this.#unsealed)
  }

  get sealed(): boolean {
    return this.#unsealed === undefined
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
    const digests = digestsOf(this.#parts, keyring, names, () => keyring)
    digests.begin()
    storage.accompany(digests.companion)
    try {
      const result = await committed(this.#parts.storage, {
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
      if (this.#unsealed) return this.isRoot(root)
      const stored = await this.#stored()
      const keyring = stored && unwrapKeyring(stored.value, root)
      if (!keyring) return false
      const unsealed = this.#enter(keyring, stored.rev, root)
      try {
        const accepted = keyring.digests ? await unsealed.checks.check(accept) : undefined
        const commit = await this.view('').get(commitName, commitShape)
        // A release without digests did not number its commits either.
        this.#commits.resume(commit ?? (keyring.digests ? undefined : firstCommit))
        this.#keyringWatch = this.#watchKeyring()
        if (!keyring.digests) await this.#takeOver(unsealed)
        if (accepted) await this.view('').put(acceptedName, accepted)
        await this.#current().count.resume(this.view(''))
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
    if (!this.#unsealed) return
    const { keyring, root, names, records, checks } = this.#unsealed
    this.#unsealed = undefined
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
    if (this.#unsealed) return sameBytes(this.#unsealed.root, root)
    const stored = await this.#stored()
    const keyring = stored && unwrapKeyring(stored.value, root)
    if (keyring) wipeKeyring(keyring)
    return keyring !== undefined
  }

  async changeRoot(root: Uint8Array, along: readonly Op[]): Promise<void> {
    // The owner could not follow, and would seal itself.
    if (this.member !== undefined) throw refuse('the root key is changed at the process that owns the storage')
    await this.#changes.run(async () => {
      const unsealed = this.#current()
      const keyringRev = await this.#replaceKeyring(unsealed, unsealed.keyring, root, along)
      this.#adopt(unsealed, { keyringRev, root: Uint8Array.from(root) })
      wipe(unsealed.root)
    })
  }

  async rotate(): Promise<void> {
    await this.#changes.run(async () => {
      const unsealed = this.#current()
      await this.#nextTerm(unsealed)
      await unsealed.count.restart(activeTerm(this.#current().keyring).term)
    })
  }

  async accepted(): Promise<AcceptedDamage | undefined> {
    return this.view('').get(acceptedName, acceptedShape)
  }

  async acceptedIsAudited(): Promise<void> {
    await this.view('').del(acceptedName)
  }

  async sweep(): Promise<void> {
    await this.#current().checks.sweep()
  }

  keyStatus(): KeyStatus {
    const { keyring, count } = this.#current()
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
    return new BarrierView(folder, () => this.#current().records)
  }

  /**
   * A store of a release without digests. The new term is what an older copy of the keyring does not have: put back, it does
   * not decrypt what is written from now on.
   */
  async #takeOver(unsealed: Unsealed): Promise<void> {
    await unsealed.checks.build()
    await this.#nextTerm({ ...unsealed, keyring: { ...unsealed.keyring, digests: true } }, unsealed)
    await unsealed.count.restart(activeTerm(this.#current().keyring).term)
  }

  async #nextTerm(from: Unsealed, unsealed = from): Promise<void> {
    const keyring = withNextTerm(from.keyring, this.#parts.random, this.#parts.clock.now())
    const keyringRev = await this.#replaceKeyring(unsealed, keyring, unsealed.root, [])
    if (this.#unsealed !== unsealed) wipe(activeTerm(keyring).key)
    this.#adopt(unsealed, { keyring, keyringRev })
  }

  /** While sealed nothing may be written that the digests would not know of. */
  readonly #companion: Companion = (changes, rev, read) => {
    if (this.#unsealed) return this.#unsealed.checks.companion(changes, rev, read)
    for (const { key, value } of changes) if (value || key.startsWith('e/')) throw sealedFault()
    return []
  }

  #enter(keyring: Keyring, keyringRev: Rev, root: Uint8Array): Unsealed {
    const names = new Names(keyring.nameKey)
    const isMember = this.member !== undefined
    const checks = isMember ? checkedByOwner : digestsOf(this.#parts, keyring, names, () => this.#current().keyring)
    const count = new EncryptionCount(activeTerm(keyring).term)
    const records = this.#recordsOver(names, checks)
    const unsealed = { keyring, keyringRev, root: Uint8Array.from(root), names, count, records, checks }
    this.#unsealed = unsealed
    if (!isMember) this.#parts.storage.accompany(this.#companion)
    return unsealed
  }

  #recordsOver(names: Names, checks: RecordChecks): Records {
    const { storage, random } = this.#parts
    return new Records({
      storage: {
        get: async (keys) => storage.get(keys),
        list: async (prefix, options) => storage.list(prefix, options),
        rev: async () => storage.rev(),
        watch: (from, on) => storage.watch(from, on),
        commit: async (commit) => committed(storage, commit),
      },
      names,
      seal: (place, value) => {
        const { keyring, count } = this.#current()
        const { term, key } = activeTerm(keyring)
        count.add()
        return encryptValue(key, term, boundTo(keyring, place), value, random)
      },
      open: (place, frame) => this.#openValue(place, frame),
      along: () => this.#along?.(),
      alongFolder: () => this.#alongFolder,
      commits: this.member === undefined ? this.#commits : undefined,
      trusted: (place) => checks.trusted(place),
      complete: async (place) => checks.complete(place),
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
    const unsealed = this.#unsealed
    if (!unsealed) return
    const stored = await this.#stored().catch(() => undefined)
    if (this.#unsealed !== unsealed) return this.#followKeyring()
    const isOwn = stored && this.#storing && sameBytes(stored.value, this.#storing)
    if (isOwn || stored?.rev === unsealed.keyringRev) return
    const keyring = stored && unwrapKeyring(stored.value, unsealed.root)
    if (!stored || !keyring || keyring.storeId !== unsealed.keyring.storeId) {
      this.seal()
      this.#parts.onLost?.('the root key was changed by another process, or the keyring cannot be read')
      return
    }
    this.#unsealed = { ...unsealed, keyring: { ...keyring, nameKey: unsealed.keyring.nameKey }, keyringRev: stored.rev }
    wipe(keyring.nameKey, ...unsealed.keyring.terms.map(({ key }) => key))
    unsealed.count.follow(activeTerm(keyring).term)
  }

  #openValue(place: string, frame: Uint8Array): Uint8Array {
    try {
      return openUnder(this.#current().keyring, place, frame)
    } catch (cause) {
      if (!(cause instanceof BrokenRecord)) throw cause
      throw new Fault('internal', 'a stored record was changed or moved outside strongroom; restore it from a backup', {
        cause,
      })
    }
  }

  #current(): Unsealed {
    if (!this.#unsealed) throw sealedFault()
    return this.#unsealed
  }

  /**
   * Takes what was stored into use, unless a later keyring of another process is in use already. Sealing waits for nobody:
   * what was sealed meanwhile stays so. @throws Fault sealed
   */
  #adopt(unsealed: Unsealed, stored: Pick<Unsealed, 'keyringRev'> & Partial<Unsealed>): void {
    if (this.#current().names !== unsealed.names) throw sealedFault()
    if (this.#current().keyringRev < stored.keyringRev) this.#unsealed = { ...unsealed, ...stored }
  }

  async #stored(): Promise<{ readonly value: Uint8Array; readonly rev: Rev } | undefined> {
    const [entry] = await this.#parts.storage.get([plainKeys.keyring])
    return entry
  }

  /**
   * Expects the very keyring that is in memory: one that somebody else put there, or a change of unknown outcome, must not
   * be overwritten. Wraps before it waits for anything, because `seal` wipes the keys in place.
   */
  async #replaceKeyring(unsealed: Unsealed, keyring: Keyring, root: Uint8Array, along: readonly Op[]): Promise<Rev> {
    const value = wrapKeyring(keyring, root, this.#parts.random)
    const stamped = unsealed.records.stamp([{ put: plainKeys.keyring, value }, ...along])
    const expect = [{ key: plainKeys.keyring, rev: unsealed.keyringRev }]
    this.#storing = value
    const result = await committed(this.#parts.storage, { expect, ops: stamped.ops })
    if (typeof result === 'string')
      throw new Fault(
        'unavailable',
        'the stored keyring is not the one in use; seal and unseal the server, then try again',
      )
    unsealed.records.acknowledged(stamped)
    return result.rev
  }
}
