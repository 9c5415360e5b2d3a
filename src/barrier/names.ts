import { refuse } from '../contract/fault.ts'
import { Siv } from '../crypto/fast/siv.ts'
import { text, utf8 } from '../util/bytes.ts'
import { recentWithin } from '../util/caches/recent.ts'
import { BrokenRecord } from './frame.ts'

const longest = 1024
const mebibyte = 1024 * 1024
const unprintable = /[\p{Cc}\p{Surrogate}]/u

/**
 * Names of records, encrypted segment by segment with AES-SIV (RFC 5297): deterministic, so that a name can be looked
 * up, with the encrypted parent as associated data, so that equal segments of different folders differ. The disk reveals
 * the number of names in a folder and their approximate lengths, not the names.
 */
export class Names {
  readonly #siv: Siv
  /** The part that depends on the parent only. */
  readonly #parents = recentWithin<Uint8Array>(4 * mebibyte)
  readonly #sealed = recentWithin<string>(16 * mebibyte)
  readonly #opened = recentWithin<string>(48 * mebibyte)

  /** @param key 64 bytes. */
  constructor(key: Uint8Array) {
    this.#siv = new Siv(key)
  }

  /** The storage key of a name such as `core/policy/x`, or of a folder (`core/policy/`; '' is everything). */
  seal(name: string): string {
    if (name === '') return 'e/'
    const cached = this.#sealed.get(name)
    if (cached !== undefined) return cached
    const folder = name.endsWith('/')
    const cut = name.lastIndexOf('/', name.length - 2)
    const parent = this.seal(name.slice(0, cut + 1))
    const sealed =
      parent + this.#sealSegment(parent, name.slice(cut + 1, folder ? -1 : undefined)) + (folder ? '/' : '')
    this.#sealed.set(name, sealed)
    // Watchers of the folder are about to look it up.
    this.#opened.set(sealed, name.slice(cut + 1))
    return sealed
  }

  /** The plaintext last segment of a storage key below `parent` (itself a storage key). Keeps a trailing slash. */
  decrypt(parent: string, key: string): string {
    const cached = this.#opened.get(key)
    if (cached !== undefined) return cached
    const folder = key.endsWith('/')
    const name = this.#openSegment(parent, key.slice(parent.length, folder ? -1 : undefined)) + (folder ? '/' : '')
    this.#opened.set(key, name)
    return name
  }

  /** `decrypt` for many below the same parent. */
  decryptAll(parent: string, keys: readonly string[]): readonly string[] {
    const unknown = keys.filter((key) => this.#opened.get(key) === undefined)
    const segments = unknown.map((key) => key.slice(parent.length, key.endsWith('/') ? -1 : undefined))
    const plains = this.#siv.decryptAll(
      this.#under(parent),
      segments.map((segment) => Buffer.from(segment, 'base64url')),
    )
    for (const [at, key] of unknown.entries())
      this.#opened.set(key, this.#plain(plains[at]) + (key.endsWith('/') ? '/' : ''))
    return keys.map((key) => this.decrypt(parent, key))
  }

  /** Wipes the key and the cache. */
  wipe(): void {
    this.#siv.forget()
    this.#parents.clear()
    this.#sealed.clear()
    this.#opened.clear()
  }

  #sealSegment(parent: string, segment: string): string {
    // An unpaired surrogate has no UTF-8: all of them would become the same name.
    if (unprintable.test(segment)) throw refuse('a name cannot have control characters or half a surrogate pair in it')
    const plain = utf8(segment)
    if (plain.length === 0 || plain.length > longest) throw refuse(`a name's segments must have 1 to ${longest} bytes`)
    return this.#siv.encrypt(this.#under(parent), plain).toString('base64url')
  }

  #openSegment(parent: string, segment: string): string {
    return this.#plain(this.#siv.decrypt(this.#under(parent), Buffer.from(segment, 'base64url')))
  }

  #plain(plain: Uint8Array | undefined): string {
    if (plain) return text(plain)
    throw new BrokenRecord('a name in the storage was changed or moved outside strongroom')
  }

  #under(parent: string): Uint8Array {
    const cached = this.#parents.get(parent)
    if (cached) return cached
    const state = this.#siv.under(utf8(parent))
    this.#parents.set(parent, state)
    return state
  }
}
