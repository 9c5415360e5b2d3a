import { Fault } from '../../contract/fault.ts'
import type { AutoSeal, AwsKmsSealSettings, WrappedKey } from '../../contract/seal.ts'
import { base64, fromBase64 } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import { Provider, ProviderError } from '../../util/http/provider.ts'
import { sha256Hex, signedHeaders } from '../../util/http/sigv4.ts'
import { jsonLimits } from '../../util/json-limits.ts'
import { readJson } from '../../util/json.ts'
import { isObject } from '../../util/stored/shape.ts'

/** Bound to the ciphertext: rules of AWS (`kms:EncryptionContext:…`) can name it, and its own log shows it. */
const context = { application: 'strongroom', purpose: 'unseal-key' }

/** What an operator can do about an error of KMS, by its name. */
const cures: Readonly<Record<string, string>> = {
  AccessDeniedException: 'the credentials may not use the key: allow kms:Encrypt and kms:Decrypt on it',
  NotFoundException: 'there is no such key: check kms_key_id and region',
  DisabledException: 'the key is disabled: enable it',
  KMSInvalidStateException: 'the key cannot be used: its deletion may be scheduled, which can be cancelled',
  InvalidCiphertextException: 'the unseal key was encrypted with another key, which is not there',
  UnrecognizedClientException: 'the credentials are not valid: check access_key',
  InvalidClientTokenId: 'the credentials are not valid: check access_key',
  InvalidSignatureException: 'the credentials are not valid: check secret_key, and the clock of this machine',
  SignatureDoesNotMatch: 'the credentials are not valid: check secret_key',
  ExpiredTokenException: 'the credentials are expired: new ones are needed',
}

/** A seal whose key is in KMS of AWS, or of a server with its API (`seal "awskms"`). */
export class AwsKmsSeal implements AutoSeal {
  readonly type = 'awskms'
  readonly name: string
  readonly disabled: boolean
  readonly #settings: AwsKmsSealSettings
  readonly #clock: Clock

  constructor(settings: AwsKmsSealSettings, clock: Clock) {
    this.name = settings.name
    this.disabled = settings.disabled
    this.#settings = settings
    this.#clock = clock
  }

  async wrap(unsealKey: Uint8Array): Promise<WrappedKey> {
    const { CiphertextBlob: value } = await this.#ask('Encrypt', {
      KeyId: this.#settings.keyId,
      Plaintext: base64(unsealKey),
      EncryptionContext: context,
    })
    if (typeof value !== 'string' || value === '') throw unusable('it answered without a ciphertext')
    return { seal: this.name, keyId: this.#keyId, value }
  }

  /** No key is named: the ciphertext says which one it is for, so that an alias can be moved to another key. */
  async unwrap({ value }: WrappedKey): Promise<Uint8Array> {
    const { Plaintext } = await this.#ask('Decrypt', { CiphertextBlob: value, EncryptionContext: context })
    const unsealKey = typeof Plaintext === 'string' ? fromBase64(Plaintext) : undefined
    if (unsealKey?.length !== 32) throw unusable('it answered without a key of 32 bytes')
    return unsealKey
  }

  isCurrent({ keyId }: WrappedKey): boolean {
    return keyId === this.#keyId
  }

  /** An id or alias names another key in another region. */
  get #keyId(): string {
    return `${this.#settings.region}/${this.#settings.keyId}`
  }

  /** @throws Fault unavailable */
  async #ask(action: string, body: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, unknown>>> {
    const { endpoint: url, region, credentials } = this.#settings
    const type = 'application/x-amz-json-1.1'
    const content = Buffer.from(JSON.stringify(body))
    const request = {
      method: 'POST',
      url,
      headers: { 'content-type': type, 'x-amz-target': `TrentService.${action}` },
      bodyHash: sha256Hex(content),
    }
    const headers = signedHeaders(request, credentials, { region, service: 'kms', at: this.#clock.now() })
    try {
      const response = await Provider.ask(this.#clock, async (provider) =>
        provider.json({ url, ca: '', bytes: { type, content }, headers, explain }),
      )
      return isObject(response) ? response : {}
    } catch (thrown) {
      if (thrown instanceof ProviderError) throw unusable(thrown.message)
      throw thrown
    }
  }
}

/** The name of an error and its cure. The text of AWS is left out: it can name users and keys. */
function explain(body: Uint8Array): string {
  const name = /^(?:[\w.]+#)?(\w{1,64})$/.exec(typeOf(body))?.[1] ?? 'an error without a name'
  const cure = Object.hasOwn(cures, name) ? cures[name] : undefined
  return cure === undefined ? name : `${name}: ${cure}`
}

/** The gates before KMS answer in XML. */
function typeOf(body: Uint8Array): string {
  try {
    const error = readJson(body, jsonLimits)
    return isObject(error) ? String(error['__type']) : ''
  } catch {
    return /<Code>(\w{1,64})<\/Code>/.exec(Buffer.from(body).toString('latin1'))?.[1] ?? ''
  }
}

const unusable = (why: string): Fault => new Fault('unavailable', `KMS cannot be used: ${why}`)
