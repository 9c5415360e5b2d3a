import { createHash, createHmac, randomUUID } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { refuse } from '../../../contract/fault.ts'
import type { Fault } from '../../../contract/fault.ts'
import type { Clock } from '../../../util/clock.ts'
import { sameText } from '../../../util/bytes.ts'

/** The time limit of a login in a browser, milliseconds. */
const validFor = 5 * 60_000

/** The login that a state belongs to. */
export interface BrowserLogin {
  readonly id: string
  readonly role: string
  readonly redirectUri: string
  /** Epoch milliseconds. */
  readonly expiresAt: number
  /** The `nonce` that the token must have. */
  readonly nonce: string
  /** PKCE (RFC 7636): the verifier, and the challenge of it. */
  readonly verifier: string
  readonly challenge: string
}

/** The content of a state: id, role, redirect URI, expiry, and a MAC of the client's nonce. */
type Content = readonly [id: string, role: string, redirectUri: string, expiresAt: number, client: string]

/**
 * The states of browser logins. Nothing is stored for a login that is not completed: a state has all necessary
 * data, signed with a key of the mount.
 */
export class States {
  readonly #key: KeyObject
  readonly #clock: Clock

  constructor(key: KeyObject, clock: Clock) {
    this.#key = key
    this.#clock = clock
  }

  /** A new state. @param clientNonce the nonce that the callback must repeat; empty: none */
  begin(
    role: string,
    redirectUri: string,
    clientNonce: string,
  ): { readonly state: string; readonly login: BrowserLogin } {
    const id = randomUUID()
    const content: Content = [id, role, redirectUri, this.#clock.now() + validFor, this.#client(id, clientNonce)]
    const encoded = Buffer.from(JSON.stringify(content)).toString('base64url')
    return { state: `${encoded}.${this.#mac('state', encoded)}`, login: this.#login(content) }
  }

  /** The login of a state. @throws Fault invalid_request for one that is not of this mount, has expired, or is another client's */
  read(state: string, clientNonce: string): BrowserLogin {
    const [encoded = '', mac = '', ...rest] = state.split('.')
    if (rest.length > 0 || !sameText(mac, this.#mac('state', encoded))) throw expired()
    const content = JSON.parse(Buffer.from(encoded, 'base64url').toString()) as Content
    const [id, , , expiresAt, client] = content
    if (expiresAt <= this.#clock.now()) throw expired()
    if (!sameText(client, this.#client(id, clientNonce))) throw refuse('invalid client_nonce')
    return this.#login(content)
  }

  #client(id: string, clientNonce: string): string {
    return clientNonce === '' ? '' : this.#mac('client', id, clientNonce)
  }

  #login([id, role, redirectUri, expiresAt]: Content): BrowserLogin {
    const verifier = this.#mac('verifier', id)
    const challenge = createHash('sha256').update(verifier).digest('base64url')
    return { id, role, redirectUri, expiresAt, nonce: this.#mac('nonce', id), verifier, challenge }
  }

  #mac(...parts: readonly string[]): string {
    return createHmac('sha256', this.#key).update(JSON.stringify(parts)).digest('base64url')
  }
}

const expired = (): Fault => refuse('the login has expired, was completed before, or was not begun here: begin again')
