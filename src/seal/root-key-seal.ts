import { createHmac } from 'node:crypto'
import { plainKeys } from '../contract/barrier.ts'
import { Fault, refuse } from '../contract/fault.ts'
import { provenWrap } from '../contract/seal.ts'
import type { AutoSeal, Protected, Seal, SealKeys, SealRecord, WrappedKey } from '../contract/seal.ts'
import type { Op, Storage } from '../contract/storage.ts'
import { decryptXChaCha, encryptXChaCha } from '../crypto/fast/xchacha.ts'
import { base64, fromBase64, sameBytes, utf8, wipe } from '../util/bytes.ts'
import { readRecord, writeRecord } from './record.ts'
import { combineShares, splitKey } from './shares.ts'

const keyBytes = 32
const rootPlace = utf8('strongroom seal: root key')
const recoveryPlace = utf8('strongroom seal: recovery shares')

/** The configuration of the seal. */
export interface SealOptions {
  readonly autoSeals?: readonly AutoSeal[]
  /** Recovery shares are shares of the unseal key, so that they unseal even if every seal is lost. */
  readonly recoveryUnseals?: boolean
}

/**
 * The seal of a storage. An unseal key encrypts the root key (XChaCha20-Poly1305). It is split into shares for operators, or
 * encrypted by the seals of the configuration.
 */
export class RootKeySeal implements Seal {
  readonly #random: (bytes: number) => Uint8Array
  readonly #known: readonly AutoSeal[]
  readonly #enabled: readonly AutoSeal[]
  readonly #recoveryUnseals: boolean

  constructor(random: (bytes: number) => Uint8Array, { autoSeals = [], recoveryUnseals = false }: SealOptions = {}) {
    this.#random = random
    this.#known = autoSeals
    this.#enabled = autoSeals.filter(({ disabled }) => !disabled)
    this.#recoveryUnseals = recoveryUnseals
  }

  get type(): string {
    return this.#enabled[0]?.type ?? 'shamir'
  }

  get isAuto(): boolean {
    return this.#enabled.length > 0
  }

  async record(storage: Pick<Storage, 'get'>): Promise<SealRecord | undefined> {
    const [entry] = await storage.get([plainKeys.seal])
    return entry && readRecord(entry.value)
  }

  async protect(root: Uint8Array, shares: number, threshold: number): Promise<Protected> {
    const unsealKey = this.#random(keyBytes)
    const isNobodys = this.isAuto && shares === 0 && threshold === 0
    const own = isNobodys ? this.#random(keyBytes) : (this.#ownRecoveryKey() ?? unsealKey)
    try {
      const parts = isNobodys ? [] : await splitKey(own, shares, threshold)
      const counts = { shares, threshold, wrappedRoot: this.#encrypt(unsealKey, root, rootPlace) }
      const record: SealRecord = this.isAuto
        ? { type: 'auto', ...counts, ...(await this.#autoMembers(unsealKey, own)) }
        : { type: 'shamir', ...counts }
      return { shares: parts, record, op: opOf(record) }
    } finally {
      wipe(unsealKey, own)
    }
  }

  rewrap(record: SealRecord, unsealKey: Uint8Array, root: Uint8Array): Op {
    return opOf({ ...record, wrappedRoot: this.#encrypt(unsealKey, root, rootPlace) })
  }

  async combine(record: SealRecord, shares: readonly Uint8Array[]): Promise<SealKeys | undefined> {
    if (record.recoveryCheck !== undefined) return this.#authorised(record, shares)
    const unsealKey = await combineShares(record.shares, shares)
    const root = unsealKey && decrypt(unsealKey, record.wrappedRoot, rootPlace)
    if (unsealKey && root) return { unsealKey, root }
    if (unsealKey) wipe(unsealKey)
    return undefined
  }

  read(bytes: Uint8Array): SealRecord {
    return readRecord(bytes)
  }

  async opens(record: SealRecord, unsealKey: Uint8Array): Promise<boolean> {
    const root = this.isMigration(record) ? undefined : decrypt(unsealKey, record.wrappedRoot, rootPlace)
    if (!root) return false
    wipe(root)
    if (record.type === 'shamir') return true
    try {
      const keys = await this.unwrap(record)
      const isSame = sameBytes(keys.unsealKey, unsealKey)
      wipe(keys.unsealKey, keys.root)
      return isSame
    } catch (thrown) {
      if (thrown instanceof Fault) return false
      throw thrown
    }
  }

  async unwrap(record: SealRecord): Promise<SealKeys> {
    const failures: string[] = []
    for (const wrapped of record.wrappedKeys ?? []) {
      const seal = this.#known.find(({ name }) => name === wrapped.seal)
      const found = seal ? await this.#unwrapBy(seal, record, wrapped) : `${wrapped.seal}: not in the configuration`
      if (typeof found !== 'string') return found
      failures.push(found)
    }
    throw new Fault('unavailable', `no seal of the configuration decrypts the unseal key (${failures.join('; ')})`)
  }

  async isRecovery(
    { recoveryCheck, ...record }: SealRecord,
    shares: readonly Uint8Array[],
    unsealKey: Uint8Array,
  ): Promise<boolean | undefined> {
    if (recoveryCheck === undefined) return undefined
    const key = await combineShares(record.shares, shares)
    const found = key && decrypt(key, recoveryCheck, recoveryPlace)
    if (key) wipe(key)
    return found !== undefined && sameBytes(found, proofOf(unsealKey))
  }

  isMigration({ type }: SealRecord): boolean {
    return (type === 'auto') !== this.isAuto
  }

  async migrated(
    record: SealRecord,
    unsealKey: Uint8Array,
    shares: readonly Uint8Array[],
  ): Promise<{ readonly record: SealRecord; readonly unsealKey: Uint8Array }> {
    const { threshold, wrappedRoot } = record
    const counts = { shares: record.shares, threshold, wrappedRoot }
    const held = await combineShares(record.shares, shares)
    if (!held) throw refuse('the shares given do not belong together')
    if (!this.isAuto) return { record: { type: 'shamir', ...counts }, unsealKey: held }
    const next = this.#recoveryUnseals ? Uint8Array.from(unsealKey) : this.#random(keyBytes)
    const members = await this.#autoMembers(next, held).finally(() => wipe(held))
    return { record: { type: 'auto', ...counts, ...members }, unsealKey: next }
  }

  async refreshed(record: SealRecord, unsealKey: Uint8Array): Promise<SealRecord | undefined> {
    const before = record.wrappedKeys ?? []
    if (record.type !== 'auto' || !this.isAuto) return undefined
    const current = await Promise.all(this.#enabled.map(async (seal) => usableOf(seal, before, unsealKey)))
    if (current.every((wrapped) => wrapped !== undefined) && before.length === current.length) return undefined
    const wrappedKeys = await Promise.all(
      this.#enabled.map(async (seal, at) => current[at] ?? provenWrap(seal, unsealKey)),
    )
    return { ...record, wrappedKeys }
  }

  /** The keys from the seals, for recovery shares that authorise this. The seals are asked first: only with the unseal key can the shares be checked. */
  async #authorised(record: SealRecord, shares: readonly Uint8Array[]): Promise<SealKeys | undefined> {
    const keys = await this.unwrap(record)
    if (await this.isRecovery(record, shares, keys.unsealKey)) return keys
    wipe(keys.unsealKey, keys.root)
    return undefined
  }

  /** A key for recovery shares that only authorise; undefined: the unseal key itself is split. */
  #ownRecoveryKey(): Uint8Array | undefined {
    return this.isAuto && !this.#recoveryUnseals ? this.#random(keyBytes) : undefined
  }

  async #autoMembers(
    unsealKey: Uint8Array,
    recoveryKey: Uint8Array,
  ): Promise<Pick<SealRecord, 'wrappedKeys' | 'recoveryCheck'>> {
    const wrappedKeys = await Promise.all(this.#enabled.map(async (seal) => provenWrap(seal, unsealKey)))
    if (sameBytes(unsealKey, recoveryKey)) return { wrappedKeys }
    return { wrappedKeys, recoveryCheck: this.#encrypt(recoveryKey, proofOf(unsealKey), recoveryPlace) }
  }

  /** The keys, or why there are none. */
  async #unwrapBy(seal: AutoSeal, record: SealRecord, wrapped: WrappedKey): Promise<SealKeys | string> {
    try {
      const unsealKey = await seal.unwrap(wrapped)
      const root = decrypt(unsealKey, record.wrappedRoot, rootPlace)
      return root ? { unsealKey, root } : `${seal.name}: it decrypts to a key of another storage`
    } catch (thrown) {
      if (thrown instanceof Fault) return `${seal.name}: ${thrown.message}`
      throw thrown
    }
  }

  #encrypt(key: Uint8Array, plaintext: Uint8Array, place: Uint8Array): string {
    return base64(encryptXChaCha(key, this.#random(24), plaintext, place))
  }
}

/** The wrapped key of a seal, if it decrypts it now: its key or its server may be another one of the same name. */
async function usableOf(
  seal: AutoSeal,
  wrappedKeys: readonly WrappedKey[],
  unsealKey: Uint8Array,
): Promise<WrappedKey | undefined> {
  const wrapped = wrappedKeys.find((one) => one.seal === seal.name && seal.isCurrent(one))
  if (!wrapped) return undefined
  try {
    const found = await seal.unwrap(wrapped)
    const isSame = sameBytes(found, unsealKey)
    wipe(found)
    return isSame ? wrapped : undefined
  } catch (thrown) {
    // A seal that is not reachable cannot encrypt either, and nothing is replaced then.
    if (thrown instanceof Fault) return undefined
    throw thrown
  }
}

function decrypt(key: Uint8Array, encrypted: string, place: Uint8Array): Uint8Array | undefined {
  const bytes = fromBase64(encrypted)
  if (!bytes) throw new Fault('internal', 'the seal record is damaged; restore a backup')
  return decryptXChaCha(key, bytes, place)
}

/** Only who has the unseal key can make it: nobody puts recovery shares of their own into the record. */
const proofOf = (unsealKey: Uint8Array): Uint8Array => createHmac('sha256', unsealKey).update(recoveryPlace).digest()

const opOf = (record: SealRecord): Op => ({ put: plainKeys.seal, value: writeRecord(record) })
