import type {
  AcceptedDamage,
  Barrier,
  Commits,
  KeyStatus,
  RestoredSnapshot,
  RotationConfig,
} from '../contract/barrier.ts'
import { plainKeys, restoredKey } from '../contract/barrier.ts'
import { refuse } from '../contract/fault.ts'
import type { Closer, Companion, Op, Rev, Storage } from '../contract/storage.ts'
import type { View } from '../contract/view.ts'
import { sameBytes, wipe } from '../util/bytes.ts'
import type { Clock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import { Mutex } from '../util/mutex.ts'
import { CommitCount, commitName, commitShape, firstCommit } from './commit-count.ts'
import { checkedByOwner } from './record-checks.ts'
import { initialiseStorage } from './initialise.ts'
import { StoredKeyring } from './stored-keyring.ts'
import { SharedStorage } from './shared-storage.ts'
import { EncryptionCount } from './encryption-count.ts'
import { BrokenRecord } from './frame.ts'
import { activeTerm, unwrapKeyring, wipeKeyring, withNextTerm } from './keyring.ts'
import type { Keyring } from './keyring.ts'
import { Names } from './names.ts'
import { sealedFault } from './records.ts'
import { acceptedName, acceptedShape, rotationName, rotationShape, usualRotation } from './settings.ts'
import { checkRestored, restoredSnapshot, snapshotMac } from './restored.ts'
import { snapshotRecords } from './snapshot-records.ts'
import { committed, openUnder } from './storing.ts'
import { digestsOf, recordsOver } from './unsealed.ts'
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
  readonly #stored: StoredKeyring
  #unsealed: Unsealed | undefined
  #along: (() => ReadonlyMap<string, unknown> | undefined) | undefined
  #alongFolder = ''
  #keyringWatch: Closer | undefined
  #othersSealed: Promise<void> = Promise.resolve()
  readonly #commits = new CommitCount()

  constructor(parts: BarrierParts) {
    this.#parts = parts
    this.#stored = new StoredKeyring(parts)
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
    return (await this.#stored.read()) !== undefined
  }

  async initialise(root: Uint8Array, along: readonly Op[]): Promise<void> {
    if (this.member !== undefined) throw refuse('the storage is initialised at the process that owns it')
    await initialiseStorage(this.#parts, root, along, this.#companion)
  }

  async unseal(root: Uint8Array, accept?: string): Promise<boolean> {
    return this.#changes.run(async () => {
      if (this.#unsealed) return this.isRoot(root)
      const stored = await this.#stored.read()
      const keyring = stored && unwrapKeyring(stored.value, root)
      if (!keyring) return false
      const unsealed = this.#enter(keyring, stored.rev, root)
      try {
        if (this.member === undefined && (await checkRestored(this.#parts.storage, keyring.nameKey)))
          this.#commits.forget()
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
    const stored = await this.#stored.read()
    const keyring = stored && unwrapKeyring(stored.value, root)
    if (keyring) wipeKeyring(keyring)
    return keyring !== undefined
  }

  async changeRoot(root: Uint8Array, along: readonly Op[]): Promise<void> {
    // The owner could not follow, and would seal itself.
    if (this.member !== undefined) throw refuse('the root key is changed at the process that owns the storage')
    await this.#changes.run(async () => {
      const unsealed = this.#current()
      const keyringRev = await this.#stored.replace(unsealed, unsealed.keyring, root, along)
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

  snapshotMac(sums: Uint8Array): Uint8Array {
    return snapshotMac(this.#current().keyring.nameKey, sums)
  }

  snapshotView(records: Parameters<Barrier['snapshotView']>[0]): View {
    const { names } = this.#current()
    const keyring = (): Keyring => {
      const now = this.#current()
      if (now.names !== names) throw sealedFault()
      return now.keyring
    }
    const read = snapshotRecords(records, names, keyring)
    return new BarrierView('', () => read)
  }

  decrypts({ key, value }: { readonly key: string; readonly value: Uint8Array }): boolean {
    const { keyring } = this.#current()
    // Seal and keyring are not under a term.
    if (key === plainKeys.seal || key === plainKeys.keyring) return true
    try {
      openUnder(keyring, key, value)
      return true
    } catch (thrown) {
      if (thrown instanceof BrokenRecord) return false
      throw thrown
    }
  }

  async restored(): Promise<RestoredSnapshot | undefined> {
    return restoredSnapshot(this.#parts.storage)
  }

  async restoredIsAudited(): Promise<void> {
    await committed(this.#parts.storage, { ops: [{ del: restoredKey }] })
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
    const keyringRev = await this.#stored.replace(unsealed, keyring, unsealed.root, [])
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
    const records = recordsOver({
      ...this.#parts,
      names,
      checks,
      commits: isMember ? undefined : this.#commits,
      unsealed: () => this.#current(),
      along: () => this.#along?.(),
      alongFolder: () => this.#alongFolder,
    })
    const unsealed = { keyring, keyringRev, root: Uint8Array.from(root), names, count, records, checks }
    this.#unsealed = unsealed
    if (!isMember) this.#parts.storage.accompany(this.#companion)
    return unsealed
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
    const stored = await this.#stored.read().catch(() => undefined)
    if (this.#unsealed !== unsealed) return this.#followKeyring()
    if ((stored && this.#stored.isOwn(stored.value)) || stored?.rev === unsealed.keyringRev) return
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
}
