import { createPublicKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { expect } from 'chai'
import { wrapKey } from '../../src/crypto/ciphers/key-wrap.ts'
import { keyType } from '../../src/crypto/keys/key-types.ts'
import type { KeyTypeName } from '../../src/crypto/keys/key-types.ts'
import { randomBytes } from '../../src/crypto/fast/random.ts'
import { writeJson } from '../../src/util/json.ts'
import type { Json } from '../../src/util/json.ts'
import { devServer } from '../support/server.ts'
import type { Body, TestServer } from '../support/server.ts'
import { b64 } from './vectors.ts'
import type { Case } from './vectors.ts'

const blank = { hmac_key: b64('00'.repeat(32)), time: '2026-01-01T00:00:00Z', key: null, ec_d: null }

/** A server with transit, vectors that were checked with it, and those that were not, by reason. */
export class Lab {
  readonly #server: TestServer
  readonly #wrapping: KeyObject
  readonly skipped = new Map<string, number>()
  checked = 0
  #keys = 0

  private constructor(server: TestServer, wrapping: KeyObject) {
    this.#server = server
    this.#wrapping = wrapping
  }

  static async open(): Promise<Lab> {
    const server = await devServer()
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
    const { public_key: pem } = await server.data('GET', 'transit/wrapping_key')
    return new Lab(server, createPublicKey(String(pem)))
  }

  async close(): Promise<void> {
    await this.#server.running.stop()
    console.log(`      ${this.checked} vectors checked over HTTP`)
    for (const [reason, number] of this.skipped) console.log(`      ${number} skipped: ${reason}`)
  }

  skip(tests: readonly Case[], reason: string): void {
    this.skipped.set(reason, (this.skipped.get(reason) ?? 0) + tests.length)
  }

  /** The name of a new key made of a public key in PEM, or of raw or PKCS#8 bytes in hexadecimal; undefined when it is refused. */
  async imported(
    type: string,
    given: { readonly pem: string } | { readonly hex: string },
  ): Promise<string | undefined> {
    const name = `k${this.#keys++}`
    const half = 'pem' in given ? { public_key: given.pem } : { ciphertext: this.#wrapped(given.hex) }
    const reply = await this.#post(`keys/${name}/import`, { type, ...half })
    return reply.status === 204 ? name : undefined
  }

  #wrapped(hex: string): string {
    return Buffer.from(wrapKey(this.#wrapping, Buffer.from(hex, 'hex'), 'sha256', randomBytes)).toString('base64')
  }

  /** A key with these versions, from 1 on, as they stand in backups: it is restored. Undefined when it is refused. */
  async restored(type: KeyTypeName, entries: readonly Json[]): Promise<string | undefined> {
    const name = `k${this.#keys++}`
    const numbers = {
      latest_version: entries.length,
      min_available_version: 0,
      min_decryption_version: 1,
      min_encryption_version: 0,
    }
    // A key of type hmac stands in both members.
    const mac = (entry: Json) => (type === 'hmac' ? { hmac_key: entry['key'] ?? null } : {})
    const versions = entries.map((entry) => ({ ...blank, ...entry, ...mac(entry) }))
    const keys = Object.fromEntries(versions.map((version, at) => [at + 1, version]))
    const size = type === 'hmac' ? { key_size: 32 } : {}
    const policy = { name, type: keyType(type).code, ...size, Imported: true, ...numbers, keys }
    // An archive begins with an empty entry: versions are counted from 1.
    const text = writeJson({ policy, archived_keys: { keys: [blank, ...versions] } })
    const reply = await this.#post('restore', { backup: Buffer.from(text).toString('base64') })
    return reply.status < 300 ? name : undefined
  }

  /** The answer to one request. A mistake is a 400, never anything else. */
  async #post(path: string, data: Body) {
    const reply = await this.#server.call('POST', `/v1/transit/${path}`, data)
    expect(reply.status, `${path}: ${reply.text}`).to.be.oneOf([200, 204, 400])
    return reply
  }

  /** What was answered; undefined when it was refused. */
  async asked(path: string, data: Body): Promise<Body | undefined> {
    const reply = await this.#post(path, data)
    return reply.status === 400 ? undefined : (reply.body['data'] as Body)
  }

  async read(path: string): Promise<Body> {
    return this.#server.data('GET', `transit/${path}`)
  }

  /** The results of a batch, one for each item, whatever the status of the whole. */
  async batch(path: string, items: readonly Body[], more: Body = {}): Promise<readonly Body[]> {
    const results: Body[] = []
    for (let at = 0; at < items.length; at += 200) {
      const reply = await this.#post(path, { batch_input: items.slice(at, at + 200), ...more })
      const data = reply.body['data'] as Body | undefined
      expect(data, reply.text).to.not.equal(undefined)
      results.push(...(data?.['batch_results'] as readonly Body[]))
    }
    expect(results).to.have.length(items.length)
    return results
  }

  /** Holds what came out against what should have. Signatures that Wycheproof calls acceptable may be refused. */
  judge(file: string, { tcId, result, flags = [] }: Case, accepted: boolean): void {
    this.checked++
    if (result === 'acceptable') return
    expect(accepted, `${file} ${tcId} ${flags.join(', ')}`).to.equal(result === 'valid')
  }
}
