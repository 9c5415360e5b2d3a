import { refuse } from '../contract/fault.ts'
import { base62 } from '../util/base62.ts'
import { wipe } from '../util/bytes.ts'
import { Quorum, checkNonce } from './quorum.ts'
import { checkShareSize } from './room.ts'
import type { Room } from './room.ts'

/** How far the generation of a root token is. */
export interface RootStatus {
  readonly started: boolean
  readonly nonce: string
  readonly progress: number
  readonly required: number
  readonly complete: boolean
  /** The root token XOR the one-time password, raw standard base64; '' until complete. */
  readonly encoded: string
}

/** `s.` and 24 letters. */
export const rootTokenLength = 26

interface Running {
  readonly nonce: string
  readonly otp: string
  quorum: Quorum
}

type RootRoom = Pick<Room, 'record' | 'fits' | 'createRootToken'>

/** A new root token from a threshold of shares, handed out XORed with a one-time password. Lost at seal. */
export class GenerateRoot {
  readonly #room: RootRoom
  readonly #random: (bytes: number) => Uint8Array
  readonly #uuid: () => string
  #running: Running | undefined

  constructor(room: RootRoom, random: (bytes: number) => Uint8Array, uuid: () => string) {
    this.#room = room
    this.#random = random
    this.#uuid = uuid
  }

  async status(): Promise<RootStatus> {
    const required = (await this.#room.record())?.threshold ?? 0
    const { nonce = '', quorum } = this.#running ?? {}
    return {
      started: this.#running !== undefined,
      nonce,
      progress: quorum?.progress ?? 0,
      required,
      complete: false,
      encoded: '',
    }
  }

  /** Starts; gives the one-time password if the caller brought none. */
  async start(otp: string): Promise<string> {
    if (otp !== '' && otp.length !== rootTokenLength)
      throw refuse(`OTP string has incorrect length: it must have ${rootTokenLength} characters`)
    const required = (await this.#room.record())?.threshold ?? 0
    if (this.#running) throw refuse('root generation already in progress; cancel it, or give its nonce with the shares')
    const nonce = this.#uuid()
    const own = otp === '' ? base62(rootTokenLength, this.#random) : otp
    this.#running = { nonce, otp: own, quorum: new Quorum(required, nonce) }
    return otp === '' ? own : ''
  }

  cancel(): void {
    this.#running?.quorum.reset()
    this.#running = undefined
  }

  /** Takes one share; the last one gives the token. */
  async update(share: Uint8Array, nonce: string): Promise<RootStatus> {
    const running = this.#running
    if (!running) throw refuse('no root generation in progress')
    checkNonce(running.nonce, nonce)
    checkShareSize(share)
    const shares = running.quorum.add(share)
    if (shares === false) throw refuse('given key has already been provided during this generation operation')
    if (!shares) return this.status()
    running.quorum = new Quorum(running.quorum.threshold, running.nonce)
    const good = await this.#room.fits(shares)
    wipe(...shares)
    if (!good) throw refuse('root generation aborted: the shares do not open the seal; begin again with the first one')
    if (running !== this.#running) throw refuse('the root generation was cancelled meanwhile')
    this.#running = undefined
    const token = await this.#room.createRootToken()
    const required = running.quorum.threshold
    return { started: true, nonce, progress: required, required, complete: true, encoded: xored(token, running.otp) }
  }
}

/** Two texts of one length XORed, in base64 without padding. */
export function xored(token: string, otp: string): string {
  const [a, b] = [Buffer.from(token), Buffer.from(otp)]
  return Buffer.from(a.map((byte, at) => byte ^ (b[at] as number)))
    .toString('base64')
    .replace(/=+$/, '')
}

/** The token behind an encoded one. @throws Fault when the parts do not fit. */
export function decoded(encoded: string, otp: string): string {
  const bytes = /^[A-Za-z0-9+/]+$/.test(encoded) ? Buffer.from(encoded, 'base64') : Buffer.alloc(0)
  const pad = Buffer.from(otp)
  if (bytes.length === 0 || bytes.length !== pad.length)
    throw refuse('error decoding token: the encoded token and the one-time password do not belong together')
  return Buffer.from(bytes.map((byte, at) => byte ^ (pad[at] as number))).toString()
}
