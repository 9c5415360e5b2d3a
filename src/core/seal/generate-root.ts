import { Fault, refuse } from '../../contract/fault.ts'
import { readPgpKey } from '../../crypto/keys/pgp.ts'
import { base62 } from '../../util/base62.ts'
import { base64, wipe } from '../../util/bytes.ts'
import { ShareCollector, checkNonce, checkShareSize, replaced } from './share-collector.ts'
import type { SealManager } from './seal-manager.ts'

/** How far the generation of a root token is. */
interface RootStatus {
  readonly started: boolean
  readonly nonce: string
  readonly progress: number
  readonly required: number
  readonly complete: boolean
  /**
   * The root token XOR the one-time password in raw standard base64, or the OpenPGP message that holds it in standard base64;
   * '' until complete.
   */
  readonly encoded: string
  /** Of the PGP key that the token is encrypted for; '' with a one-time password. */
  readonly fingerprint: string
}

/** `s.` and 24 letters. */
export const rootTokenLength = 26

interface Running {
  readonly nonce: string
  /** How the token is handed out. */
  readonly encode: (token: string) => Promise<string>
  readonly fingerprint: string
  /** The epoch of the seal at the start: a rekey meanwhile cancels this operation. */
  readonly epoch: number
  readonly collector: ShareCollector
}

type Seal = Pick<SealManager, 'record' | 'fits' | 'createRootToken' | 'exclusively' | 'epoch'>

/** A new root token from a threshold of shares, handed out XORed with a one-time password or encrypted with PGP. Lost at seal. */
export class GenerateRoot {
  readonly #seal: Seal
  readonly #random: (bytes: number) => Uint8Array
  readonly #uuid: () => string
  #running: Running | undefined

  constructor(seal: Seal, random: (bytes: number) => Uint8Array, uuid: () => string) {
    this.#seal = seal
    this.#random = random
    this.#uuid = uuid
  }

  async status(): Promise<RootStatus> {
    const required = (await this.#seal.record())?.threshold ?? 0
    const running = this.#running?.epoch === this.#seal.epoch ? this.#running : undefined
    return {
      started: running !== undefined,
      nonce: running?.nonce ?? '',
      progress: running?.collector.progress ?? 0,
      required,
      complete: false,
      encoded: '',
      fingerprint: running?.fingerprint ?? '',
    }
  }

  /** Starts; returns the one-time password if the caller sent neither one nor a PGP key (base64). */
  async start(otp: string, pgpKey = ''): Promise<string> {
    if (otp !== '' && pgpKey !== '') throw refuse('give "otp" or "pgp_key", not both')
    if (otp !== '' && Buffer.byteLength(otp) !== rootTokenLength)
      throw refuse(`OTP string has incorrect length: it must have ${rootTokenLength} bytes`)
    const owner = pgpKey === '' ? undefined : await readPgpKey('pgp_key', pgpKey)
    return this.#seal.exclusively(async () => {
      if (this.#running?.epoch === this.#seal.epoch)
        throw refuse('root generation already in progress; cancel it, or give its nonce with the shares')
      const required = (await this.#seal.record())?.threshold ?? 0
      const nonce = this.#uuid()
      const own = otp === '' ? base62(rootTokenLength, this.#random) : otp
      this.#running = {
        nonce,
        encode: async (token) => (owner ? base64(await owner.encrypt(token)) : xored(token, own)),
        fingerprint: owner?.fingerprint ?? '',
        epoch: this.#seal.epoch,
        collector: new ShareCollector(required, nonce),
      }
      return otp === '' && !owner ? own : ''
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
    this.#running = undefined
  }

  /** Accepts one share; the last one returns the token. */
  async update(share: Uint8Array, nonce: string): Promise<RootStatus> {
    return this.#seal.exclusively(async () => {
      const running = this.#current()
      checkNonce(running.nonce, nonce)
      checkShareSize(share)
      const shares = running.collector.add(share)
      if (shares === false) throw refuse('given key has already been provided during this generation operation')
      if (!shares) return this.status()
      const valid = await this.#seal.fits(shares)
      wipe(...shares)
      if (!valid)
        throw refuse('root generation aborted: the shares do not open the seal; begin again with the first one')
      const encoded = await running.encode(await this.#seal.createRootToken())
      this.drop()
      const { fingerprint, collector } = running
      const required = collector.threshold
      return { started: true, nonce, progress: required, required, complete: true, encoded, fingerprint }
    })
  }

  #current(): Running {
    const running = this.#running
    if (!running) throw refuse('no root generation in progress')
    if (running.epoch === this.#seal.epoch) return running
    this.drop()
    throw refuse(replaced)
  }
}

/** The XOR of two strings of the same length (in bytes), in base64 without padding. */
function xored(token: string, otp: string): string {
  const [a, b] = [Buffer.from(token), Buffer.from(otp)]
  if (a.length !== b.length) throw new Fault('internal', 'the token and the one-time password differ in length')
  return Buffer.from(a.map((byte, at) => byte ^ (b[at] as number)))
    .toString('base64')
    .replace(/=+$/, '')
}

/** Decodes an encoded token. @throws Fault if the parts do not match. */
export function decoded(encoded: string, otp: string): string {
  const bytes = /^[A-Za-z0-9+/]+$/.test(encoded) ? Buffer.from(encoded, 'base64') : Buffer.alloc(0)
  const pad = Buffer.from(otp)
  if (bytes.length === 0 || bytes.length !== pad.length)
    throw refuse('error decoding token: the encoded token and the one-time password do not belong together')
  return Buffer.from(bytes.map((byte, at) => byte ^ (pad[at] as number))).toString()
}
