import { Fault } from '../../contract/fault.ts'
import type { AutoSeal, TransitSealSettings, WrappedKey } from '../../contract/seal.ts'
import { base64, fromBase64 } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import { Provider, ProviderError } from '../../util/http/provider.ts'
import { isObject } from '../../util/stored/shape.ts'

/** Milliseconds between two renewals of the token. */
const renewal = 15 * 60_000

/** A seal whose key is in the transit engine of another server: strongroom, OpenBao or Vault (`seal "transit"`). */
export class TransitSeal implements AutoSeal {
  readonly type = 'transit'
  readonly name: string
  readonly disabled: boolean
  readonly #settings: TransitSealSettings
  readonly #clock: Clock

  constructor(settings: TransitSealSettings, clock: Clock) {
    this.name = settings.name
    this.disabled = settings.disabled
    this.#settings = settings
    this.#clock = clock
    if (settings.renews) this.#renewLater()
  }

  async wrap(unsealKey: Uint8Array): Promise<WrappedKey> {
    const { mount, key } = this.#settings
    const { ciphertext } = await this.#ask(`${mount}/encrypt/${key}`, { plaintext: base64(unsealKey) })
    if (typeof ciphertext !== 'string' || ciphertext === '') throw unusable('it answered without a ciphertext')
    return { seal: this.name, keyId: this.#keyId, value: ciphertext }
  }

  async unwrap({ value }: WrappedKey): Promise<Uint8Array> {
    const { mount, key } = this.#settings
    const { plaintext } = await this.#ask(`${mount}/decrypt/${key}`, { ciphertext: value })
    const unsealKey = typeof plaintext === 'string' ? fromBase64(plaintext) : undefined
    if (unsealKey?.length !== 32) throw unusable('it answered without a key of 32 bytes')
    return unsealKey
  }

  isCurrent({ keyId }: WrappedKey): boolean {
    return keyId === this.#keyId
  }

  /** The versions of a key are the other server's own matter: it decrypts with all that it allows. */
  get #keyId(): string {
    const { namespace, mount, key } = this.#settings
    return [...(namespace === '' ? [] : [namespace.replace(/\/+$/, '')]), mount, key].join('/')
  }

  /** @throws Fault unavailable */
  async #ask(path: string, body: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, unknown>>> {
    const { address, token, namespace, ca } = this.#settings
    const url = `${address.replace(/\/+$/, '')}/v1/${path.split('/').map(encodeURIComponent).join('/')}`
    const headers = {
      'X-Vault-Token': token.reveal(),
      'X-Vault-Request': 'true',
      ...(namespace !== '' && { 'X-Vault-Namespace': namespace }),
    }
    try {
      const response = await Provider.ask(this.#clock, async (provider) => provider.json({ url, ca, body, headers }))
      const data = isObject(response) ? response['data'] : undefined
      return isObject(data) ? data : {}
    } catch (thrown) {
      if (thrown instanceof ProviderError) throw unusable(thrown.message)
      throw thrown
    }
  }

  /** A token that cannot be renewed, or a server that is down, is noticed at the next unseal. */
  #renewLater(): void {
    this.#clock.after(renewal, () => {
      this.#renewLater()
      void this.#ask('auth/token/renew-self', {}).catch(() => {})
    })
  }
}

const unusable = (why: string): Fault =>
  new Fault('unavailable', `the server with the transit key cannot be used: ${why}`)
