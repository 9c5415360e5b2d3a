import { refuse } from '../../contract/fault.ts'
import type { NewShares, RekeyStatus, SealRecord } from '../../contract/seal.ts'
import { wipe } from '../../util/bytes.ts'
import { ShareRecipients } from './share-recipients.ts'
import { ShareCollector, checkNonce, checkShareSize, replaced } from './share-collector.ts'
import type { SealManager } from './seal-manager.ts'
import type { ShareBackups } from './share-backup.ts'

/** The parameters of the new split. */
interface RekeyOptions {
  readonly shares: number
  readonly threshold: number
  readonly verify: boolean
  /** None, or the PGP key (base64) of each holder: the new shares are encrypted for them. */
  readonly pgpKeys?: readonly string[]
  /** Store a copy of the encrypted shares. */
  readonly backup?: boolean
}

interface Running extends RekeyOptions {
  readonly backup: boolean
  readonly recipients: ShareRecipients
  readonly nonce: string
  /** The epoch of the seal at the start: an operation that replaces the shares meanwhile cancels this one. */
  readonly epoch: number
  readonly collector: ShareCollector
  /** The new seal while its shares wait for verification. */
  pending?: { readonly record: SealRecord; collector: ShareCollector }
}

const idleStatus: RekeyStatus = {
  started: false,
  nonce: '',
  shares: 0,
  threshold: 0,
  progress: 0,
  required: 0,
  verify: false,
  verificationNonce: '',
  verificationProgress: 0,
  fingerprints: [],
  backup: false,
}

/** The part of the seal manager that a rekey needs. */
type Seal = Pick<SealManager, 'record' | 'fits' | 'split' | 'adopt' | 'exclusively' | 'epoch'>

/**
 * New unseal shares (and with them a new unseal and root key) from a threshold of the old ones; optionally only after a
 * threshold of the new ones was submitted. In memory only: a seal or a restart cancels it, and the old shares stay valid.
 */
export class Rekey {
  readonly #seal: Seal
  readonly #uuid: () => string
  readonly backups: ShareBackups
  #running: Running | undefined

  constructor(seal: Seal, uuid: () => string, backups: ShareBackups) {
    this.#seal = seal
    this.#uuid = uuid
    this.backups = backups
  }

  async status(): Promise<RekeyStatus> {
    const required = (await this.#seal.record())?.threshold ?? 0
    const running = this.#running
    if (running?.epoch !== this.#seal.epoch) return { ...idleStatus, required }
    const { nonce, shares, threshold, verify, collector, pending, recipients, backup } = running
    return {
      started: true,
      nonce,
      shares,
      threshold,
      progress: collector.progress,
      required,
      verify,
      verificationNonce: pending?.collector.nonce ?? '',
      verificationProgress: pending?.collector.progress ?? 0,
      fingerprints: recipients.fingerprints,
      backup,
    }
  }

  /** @throws Fault invalid_request; `busy` if one is in progress already. */
  async start(options: RekeyOptions, busy: string): Promise<void> {
    const { pgpKeys = [], backup = false } = options
    if (backup && pgpKeys.length === 0) throw refuse('backup needs pgp_keys: shares are never stored in plain')
    const recipients = await ShareRecipients.of(pgpKeys, options.shares)
    await this.#seal.exclusively(async () => {
      if (this.#running?.epoch === this.#seal.epoch) throw refuse(busy)
      this.drop()
      const required = (await this.#seal.record())?.threshold ?? 0
      if (required === 0) throw refuse('there are no recovery keys yet: sys/rotate/recovery/init makes them, for a caller with a token') // prettier-ignore
      const nonce = this.#uuid()
      this.#running = {
        ...options,
        backup,
        recipients,
        nonce,
        epoch: this.#seal.epoch,
        collector: new ShareCollector(required, nonce),
      }
    })
  }

  /**
   * The first recovery shares of a server that began without any: there is nobody whose shares could be asked for. Undefined: it
   * has shares. Only for callers that a policy allows it.
   */
  async issueFirst(options: RekeyOptions): Promise<NewShares | undefined> {
    const { pgpKeys = [], backup = false } = options
    const recipients = await ShareRecipients.of(pgpKeys, options.shares)
    return this.#seal.exclusively(async () => {
      const record = await this.#seal.record()
      if (record?.type !== 'auto' || record.shares !== 0) return undefined
      if (backup && pgpKeys.length === 0) throw refuse('backup needs pgp_keys: shares are never stored in plain')
      this.drop()
      const nonce = this.#uuid()
      const { epoch } = this.#seal
      const running = { ...options, backup, recipients, nonce, epoch, collector: new ShareCollector(0, nonce) }
      this.#running = running
      return this.#finish(running)
    })
  }

  /** Cancels it. A given nonce must be correct. */
  async cancel(nonce = ''): Promise<void> {
    await this.#seal.exclusively(async () => {
      if (this.#running && nonce !== '') checkNonce(this.#running.nonce, nonce)
      this.drop()
    })
  }

  /** Cancels it at once: the server is being sealed. */
  drop(): void {
    this.#running?.collector.reset()
    this.#running?.pending?.collector.reset()
    this.#running = undefined
  }

  /** Accepts one old share. Returns the new ones when there are enough. */
  async update(share: Uint8Array, nonce: string, idle: string): Promise<NewShares | undefined> {
    return this.#seal.exclusively(async () => {
      const running = this.#current(idle)
      checkNonce(running.nonce, nonce)
      checkShareSize(share)
      if (running.pending) throw refuse('the new shares are made already: give them back to …/verify, or cancel')
      const shares = running.collector.add(share)
      if (shares === false) throw refuse('given key has already been provided during this generation operation')
      if (!shares) return undefined
      const valid = await this.#seal.fits(shares)
      wipe(...shares)
      if (!valid) throw refuse('the shares given do not open the present seal; begin again with the first one')
      return this.#finish(running)
    })
  }

  /** Accepts one new share. Complete when the new shares are valid. A wrong one restarts the verification. */
  async verify(
    share: Uint8Array,
    nonce: string,
    idle: string,
  ): Promise<{ readonly complete: boolean; readonly nonce: string; readonly unsettled: boolean }> {
    return this.#seal.exclusively(async () => {
      const { pending } = this.#current(idle)
      if (!pending) throw refuse('there are no new shares to verify yet: give enough of the present ones first')
      const { collector } = pending
      checkNonce(collector.nonce, nonce)
      checkShareSize(share)
      const shares = collector.add(share)
      if (shares === undefined) return { complete: false, nonce: collector.nonce, unsettled: false }
      const outcome = shares === false ? 'unfit' : await this.#seal.adopt(pending.record, shares)
      if (shares) wipe(...shares)
      if (outcome === 'unfit') {
        this.#again(pending)
        throw refuse('the shares given are not the new ones; the verification begins again with a new nonce')
      }
      this.drop()
      return { complete: true, nonce: collector.nonce, unsettled: outcome === 'unknown' }
    })
  }

  /** The verification begins again, with another nonce. */
  async restartVerification(missing: string): Promise<void> {
    await this.#seal.exclusively(async () => {
      const { pending } = this.#current(missing)
      if (pending) this.#again(pending)
    })
  }

  #current(idle: string): Running {
    const running = this.#running
    if (!running) throw refuse(idle)
    if (running.epoch === this.#seal.epoch) return running
    this.drop()
    throw refuse(replaced)
  }

  #again(pending: NonNullable<Running['pending']>): void {
    pending.collector.reset()
    pending.collector = new ShareCollector(pending.collector.threshold, this.#uuid())
  }

  /** Nothing takes effect before the shares are encrypted and their copy is stored: an earlier failure changes nothing. */
  async #finish(running: Running): Promise<NewShares> {
    const { nonce, shares: count, threshold, verify, recipients, backup } = running
    const { fingerprints } = recipients
    const { shares, record } = await this.#seal.split(count, threshold)
    const handed = await recipients.hand(shares)
    if (backup) await this.backups.keep(nonce, fingerprints, handed)
    const made = { nonce, shares: handed, verify, fingerprints, backup }
    if (verify) {
      running.pending = { record, collector: new ShareCollector(threshold, this.#uuid()) }
      return { ...made, verificationNonce: running.pending.collector.nonce, unsettled: false }
    }
    const outcome = await this.#seal.adopt(record, shares.slice(0, threshold))
    this.drop()
    return { ...made, verificationNonce: '', unsettled: outcome !== 'adopted' }
  }
}
