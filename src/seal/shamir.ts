import { combine, split } from 'shamir-secret-sharing'
import { plainKeys } from '../contract/barrier.ts'
import { Fault, refuse } from '../contract/fault.ts'
import type { Protected, Seal, SealRecord } from '../contract/seal.ts'
import type { Op, Storage } from '../contract/storage.ts'
import { decryptXChaCha, encryptXChaCha } from '../crypto/fast/xchacha.ts'
import { base64, fromBase64, text, utf8, wipe } from '../util/bytes.ts'

const keyBytes = 32
const place = utf8('strongroom seal: root key')

/**
 * Shamir's secret sharing over GF(2^8). Shares have Vault's format: the key's bytes and the x coordinate as last byte
 * (33 bytes); a single share is the key itself. The package checks neither lengths nor x = 0 nor whether shares belong
 * together: this class does, and the combined key is accepted only if it decrypts the root key.
 */
export class ShamirSeal implements Seal {
  readonly type = 'shamir'
  readonly #random: (bytes: number) => Uint8Array

  constructor(random: (bytes: number) => Uint8Array) {
    this.#random = random
  }

  async record(storage: Storage): Promise<SealRecord | undefined> {
    const [entry] = await storage.get([plainKeys.seal])
    return entry && (JSON.parse(text(entry.value)) as SealRecord)
  }

  async protect(root: Uint8Array, shares: number, threshold: number): Promise<Protected> {
    checkCounts(shares, threshold)
    const unsealKey = this.#random(keyBytes)
    const parts =
      shares === 1 ? [Uint8Array.from(unsealKey)] : await split(new Uint8Array(unsealKey), shares, threshold)
    const record: SealRecord = { type: 'shamir', shares, threshold, wrappedRoot: this.#wrap(unsealKey, root) }
    wipe(unsealKey)
    return { shares: parts, record, op: opOf(record) }
  }

  rewrap(record: SealRecord, unsealKey: Uint8Array, root: Uint8Array): Op {
    return opOf({ ...record, wrappedRoot: this.#wrap(unsealKey, root) })
  }

  async combine(
    record: SealRecord,
    shares: readonly Uint8Array[],
  ): Promise<{ readonly unsealKey: Uint8Array; readonly root: Uint8Array } | undefined> {
    const unsealKey = await combined(record, shares)
    const root = unsealKey && unwrap(unsealKey, record.wrappedRoot)
    if (unsealKey && root) return { unsealKey, root }
    if (unsealKey) wipe(unsealKey)
    return undefined
  }

  #wrap(unsealKey: Uint8Array, root: Uint8Array): string {
    return base64(encryptXChaCha(unsealKey, this.#random(24), root, place))
  }
}

/** @throws Fault invalid_request with the invalid number. */
export function checkCounts(shares: number, threshold: number): void {
  if (!Number.isInteger(shares) || shares < 1)
    throw refuse('there must be at least one key share: set secret_shares to 1 or more')
  if (!Number.isInteger(threshold) || threshold < 1)
    throw refuse('the threshold must be at least one: set secret_threshold to 1 or more')
  if (shares > 255) throw refuse('there can be no more than 255 key shares: ask for fewer of them')
  if (threshold > shares)
    throw refuse('the threshold cannot be larger than the number of shares, or the server could never be unsealed')
  if (shares > 1 && threshold === 1) throw refuse('threshold must be greater than one for multiple shares')
}

async function combined(record: SealRecord, shares: readonly Uint8Array[]): Promise<Uint8Array | undefined> {
  if (record.shares === 1) return shares[0]?.length === keyBytes ? Uint8Array.from(shares[0]) : undefined
  const xs = new Set(shares.map((share) => share[keyBytes]))
  if (shares.some((share) => share.length !== keyBytes + 1) || xs.has(0) || xs.size !== shares.length) return undefined
  try {
    return await combine(shares.map((share) => new Uint8Array(share)))
  } catch {
    return undefined
  }
}

function unwrap(unsealKey: Uint8Array, wrapped: string): Uint8Array | undefined {
  const bytes = fromBase64(wrapped)
  if (!bytes) throw new Fault('internal', 'the seal record is damaged; restore a backup')
  return decryptXChaCha(unsealKey, bytes, place)
}

const opOf = (record: SealRecord): Op => ({ put: plainKeys.seal, value: utf8(JSON.stringify(record)) })
