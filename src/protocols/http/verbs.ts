import { METHODS } from 'node:http'

/**
 * Node's HTTP parser refuses the verbs LIST and SCAN, which Vault's clients send. So the four letters of a verb are replaced
 * before the parser sees them, by those of a verb that it accepts and that none of our APIs has. Nothing else changes: not
 * the number of bytes, not the beginning or end of a request. Framing (RFC 9112) is decided by the parser alone. If this
 * reader and the parser disagree about it, the parser refuses the request, or an unsupported verb is refused.
 *
 * The last letter of the header `Upgrade` is replaced by `_`: other protocols are not supported here, and Node's parser
 * would drop the following requests (RFC 9110 §7.8 lets a server ignore it).
 */
const renamed: Readonly<Record<string, string>> = { LIST: 'LINK', SCAN: 'BIND', LINK: 'LOCK', BIND: 'LOCK' }
const original: Readonly<Record<string, string>> = { LINK: 'LIST', BIND: 'SCAN' }

/** The verb that a client sent, from the one that Node's parser saw. */
export function verbSent(seen: string): string {
  return Object.hasOwn(original, seen) ? (original[seen] as string) : seen
}

/** Verbs that need no look at the rest of their line. */
const parsed: ReadonlySet<string> = new Set([...METHODS, ...Object.keys(renamed)])
const longestVerb = 32
/** The most bytes of the line of an unknown verb that wait for its end. */
const longestHeld = 4096
/** The most characters of a line that are read: more than any framing header needs. */
const longestLine = 64
const [tab, lf, cr, space] = [9, 10, 13, 32]
/** How lines begin that matter: `Content-Length`, `Transfer-Encoding`, `Upgrade`, a folded line, the empty one. */
const stateChangingBytes = new Set([...Buffer.from('cCtTuU'), tab, lf, cr, space])
const upgrade = /^upgrade/i
const lastLetter = 'upgrad'.length

type Place = 'start' | 'request line' | 'headers' | 'body' | 'chunk size' | 'chunk' | 'chunk end' | 'trailers' | 'lost'

/** Follows one connection's requests and renames their verbs. In linear time, with at most 4 KiB of memory. */
export class VerbReader {
  #place: Place = 'start'
  #held: Buffer = Buffer.alloc(0)
  /** Remaining bytes of the body, or of the chunk. */
  #left = 0
  #line = ''
  #framing: string[] = []
  #ended = false

  /** Whether no byte of a next request has arrived. */
  get idle(): boolean {
    return this.#place === 'start' && this.#held.length === 0
  }

  /** Whether a request has an unusual framing that parsers read in different ways. */
  get lost(): boolean {
    return this.#place === 'lost'
  }

  /** The next bytes as the parser is to see them. Letters are replaced in place. */
  take(bytes: Buffer): Buffer {
    if (this.#ended) return bytes.subarray(0, 0)
    const chunk = this.#held.length > 0 ? Buffer.concat([this.#held, bytes]) : bytes
    this.#held = chunk.subarray(0, 0)
    let at = 0
    while (at < chunk.length && this.#place !== 'lost') at = this.#step(chunk, at)
    return chunk.subarray(0, chunk.length - this.#held.length)
  }

  /** The beginning of an incomplete verb: the last bytes for the parser. */
  rest(): Buffer {
    const held = this.#held
    this.#held = held.subarray(0, 0)
    return held
  }

  /** Passes no more bytes on: the parser has refused the connection. */
  end(): void {
    this.#ended = true
  }

  #step(chunk: Buffer, at: number): number {
    const place = this.#place
    if (place === 'start') return this.#start(chunk, at)
    if (place === 'request line') return this.#lineEnd(chunk, at, 'headers')
    if (place === 'chunk end') return this.#lineEnd(chunk, at, 'chunk size')
    if (place === 'body') return this.#skip(chunk, at, 'start')
    return place === 'chunk' ? this.#skip(chunk, at, 'chunk end') : this.#readLine(chunk, at)
  }

  /**
   * A verb may be split anywhere between two packets: its beginning waits for the rest. So does the line of a verb that the
   * parser does not accept: the verb is determined from the bytes at which the parser fails.
   */
  #start(chunk: Buffer, at: number): number {
    if (chunk[at] === cr || chunk[at] === lf) return at + 1
    const [verb = ''] = /^[A-Z]*/.exec(chunk.toString('latin1', at, at + longestVerb)) ?? []
    const isCut = verb.length < longestVerb && at + verb.length === chunk.length
    const isForeign = verb !== '' && verb.length < longestVerb && chunk[at + verb.length] === space && !parsed.has(verb)
    if (isCut || (isForeign && chunk.length - at < longestHeld && chunk.indexOf(lf, at) < 0)) {
      this.#held = Buffer.from(chunk.subarray(at))
      return chunk.length
    }
    if (Object.hasOwn(renamed, verb) && chunk[at + verb.length] === space)
      chunk.write(renamed[verb] as string, at, 'latin1')
    this.#place = 'request line'
    return at
  }

  #lineEnd(chunk: Buffer, at: number, next: Place): number {
    const end = chunk.indexOf(lf, at)
    if (end < 0) return chunk.length
    this.#place = next
    return end + 1
  }

  #skip(chunk: Buffer, at: number, next: Place): number {
    const passed = Math.min(this.#left, chunk.length - at)
    this.#left -= passed
    if (this.#left === 0) this.#place = next
    return at + passed
  }

  #readLine(chunk: Buffer, at: number): number {
    const found = chunk.indexOf(lf, at)
    const end = found < 0 ? chunk.length : found
    const whole = this.#line === '' && found >= 0
    if (whole && this.#place !== 'chunk size' && !stateChangingBytes.has(chunk[at] as number)) return end + 1
    const before = this.#line.length
    this.#line += chunk.toString('latin1', at, Math.min(end, at + longestLine - before))
    // The name may be split anywhere between two packets: its last letter is replaced when it arrives.
    if (before <= lastLetter && this.#place === 'headers' && upgrade.test(this.#line))
      chunk.write('_', at + lastLetter - before, 'latin1')
    if (found < 0) return end
    const line = this.#line.endsWith('\r') ? this.#line.slice(0, -1) : this.#line
    this.#line = ''
    this.#place = this.#after(line)
    return end + 1
  }

  #after(line: string): Place {
    if (this.#place === 'trailers') return line === '' ? 'start' : 'trailers'
    if (this.#place === 'chunk size') return this.#sized(/^([\da-f]{1,13})(?:[;\s]|$)/i.exec(line)?.[1])
    if (line === '') return this.#bodyBegins()
    const [, name, value] = /^(content-length|transfer-encoding):[\t ]*([^\t ]*)[\t ]*$/i.exec(line) ?? []
    if (name !== undefined) this.#framing.push(`${name} ${value}`.toLowerCase())
    else if (/^(?:[\t ]|content-length|transfer-encoding)/i.test(line)) return 'lost'
    return 'headers'
  }

  #sized(digits: string | undefined): Place {
    if (digits === undefined) return 'lost'
    this.#left = Number.parseInt(digits, 16)
    return this.#left > 0 ? 'chunk' : 'trailers'
  }

  #bodyBegins(): Place {
    const [framing, another] = this.#framing
    this.#framing = []
    if (framing === undefined) return 'start'
    if (another !== undefined) return 'lost'
    if (framing === 'transfer-encoding chunked') return 'chunk size'
    const length = /^content-length (\d{1,15})$/.exec(framing)?.[1]
    if (length === undefined) return 'lost'
    this.#left = Number(length)
    return this.#left > 0 ? 'body' : 'start'
  }
}
