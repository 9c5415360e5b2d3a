import { randomInt } from 'node:crypto'

/** The limits of `readJson`. */
export interface JsonLimits {
  readonly bytes: number
  /** Containers within containers. */
  readonly depth: number
  /** Names, strings, numbers, words and containers together. */
  readonly tokens: number
  /** Objects and arrays: by far the most expensive to build. */
  readonly containers: number
  /** Different names of all objects: each new one costs far more than a value. */
  readonly names: number
  /** Numbers that JavaScript would write differently. */
  readonly numerals: number
  /** Characters of one number. */
  readonly digits: number
}

/**
 * Enough for batches of ten thousand items and for values of megabytes. Everything is counted before anything is built, so
 * the most expensive document within them holds the event loop for less than 100 ms (measured: test/scenarios/event-loop/bodies-and-policies.timed.test.ts).
 */
export const jsonLimits: JsonLimits = {
  bytes: 8 * 1024 * 1024,
  depth: 64,
  tokens: 100_000,
  containers: 20_000,
  names: 10_000,
  numerals: 20_000,
  digits: 4096,
}

/** The reason why `readJson` refused a document. */
type JsonRefusal = 'size' | 'complexity' | 'encoding' | 'syntax' | 'duplicate'

/** A document that `readJson` refused. The message quotes none of it: it may be secret. */
export class JsonError extends Error {
  readonly reason: JsonRefusal

  constructor(reason: JsonRefusal, message: string) {
    super(message)
    this.reason = reason
  }
}

/** The result of one pass over the bytes. */
interface Survey {
  /** `name: value` pairs of all objects. */
  readonly members: number
  /** Starts and ends, alternating, of the numbers that JavaScript would write differently. */
  readonly numerals: readonly number[]
}

// The token that a byte begins outside strings.
const other = 0
const string = 1
const number = 2
const word = 3
const opening = 4
const closing = 5
const colon = 6

const kinds = new Uint8Array(256).fill(other)
const assign = (letters: string, kind: number) => {
  for (const letter of letters) kinds[letter.charCodeAt(0)] = kind
}
assign('"', string)
assign('-0123456789', number)
assign('abcdefghijklmnopqrstuvwxyz', word)
assign('[{', opening)
assign(']}', closing)
assign(':', colon)

/**
 * Counts in one linear pass the values that JSON.parse would create. The syntax is checked by JSON.parse; for an invalid
 * document,
 * this never counts less than JSON.parse creates before it fails.
 * @throws JsonError `complexity`
 */
export function survey(bytes: Uint8Array, limits: JsonLimits): Survey {
  let depth = 0
  let tokens = 0
  let containers = 0
  let members = 0
  const numerals: number[] = []
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let at = 0; at < bytes.length; at++) {
    const kind = kinds[bytes[at] as number]
    if (kind === other) continue
    if (kind === closing) depth--
    else if (kind === colon) members++
    else {
      tokens++
      if (kind === string) at = stringEnd(bytes, at)
      else if (kind === word) at = wordEnd(bytes, at)
      else if (kind === number) {
        const end = numberEnd(bytes, at, limits.digits)
        if (changes(text, at, end)) numerals.push(at, end)
        at = end - 1
      } else {
        containers++
        if (++depth > limits.depth) throw new JsonError('complexity', `nested deeper than ${limits.depth} levels`)
      }
    }
    if (tokens > limits.tokens || containers > limits.containers) throw tooMuch(limits)
    if (numerals.length > 2 * limits.numerals) throw tooManyNumerals(limits)
  }
  if (members > limits.names) countNames(bytes, limits.names)
  return { members, numerals }
}

const buckets = 1 << 20
/** Unknown to senders, so that they cannot choose names of one bucket. */
const multiplier = randomInt(2 ** 31) * 2 + 1

/** Counts the distinct names, by a hash of each, with few collisions. @throws JsonError `complexity` */
function countNames(bytes: Uint8Array, max: number): void {
  const seen = new Uint8Array(buckets / 8)
  let [different, hash] = [0, 0]
  for (let at = 0; at < bytes.length; at++) {
    const kind = kinds[bytes[at] as number]
    if (kind === string) {
      const end = stringEnd(bytes, at)
      for (hash = 0, at++; at < end; at++) hash = Math.imul(hash ^ (bytes[at] as number), multiplier)
    } else if (kind === colon) {
      const bucket = (hash ^ (hash >>> 16)) & (buckets - 1)
      const bit = 1 << (bucket & 7)
      if (((seen[bucket >> 3] as number) & bit) === 0) different++
      seen[bucket >> 3] = (seen[bucket >> 3] as number) | bit
      if (different > max) throw new JsonError('complexity', `more than ${max} different names`)
    }
  }
}

function tooManyNumerals({ numerals }: JsonLimits): JsonError {
  return new JsonError(
    'complexity',
    `more than ${numerals} numbers with more digits, or in another form, than JavaScript writes`,
  )
}

function tooMuch({ tokens, containers }: JsonLimits): JsonError {
  return new JsonError(
    'complexity',
    `more than ${tokens} names and values, or more than ${containers} objects and arrays`,
  )
}

/** The index of the closing quote. */
function stringEnd(bytes: Uint8Array, start: number): number {
  let at = start + 1
  for (; at < bytes.length && bytes[at] !== 0x22; at++) if (bytes[at] === 0x5c) at++
  return at
}

/** The index of the last letter. */
function wordEnd(bytes: Uint8Array, start: number): number {
  let at = start
  while (at + 1 < bytes.length && kinds[bytes[at + 1] as number] === word) at++
  return at
}

const numeric = new Uint8Array(256)
for (const letter of '0123456789+-.eE') numeric[letter.charCodeAt(0)] = 1

/** The index after the last character of a number. */
function numberEnd(bytes: Uint8Array, start: number, digits: number): number {
  let at = start + 1
  while (at < bytes.length && numeric[bytes[at] as number] === 1) at++
  if (at - start > digits) throw new JsonError('complexity', `a number longer than ${digits} characters`)
  return at
}

/** A number of RFC 8259 §6. */
const jsonNumber = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/

/**
 * Whether a JavaScript number would be written differently. Up to 15 digits without point and exponent never are, but for
 * "-0". What is no number stays for JSON.parse to refuse.
 */
function changes(text: Buffer, start: number, end: number): boolean {
  const first = text[start] === 0x2d && text[start + 1] !== 0x30 ? start + 1 : start
  let plain = end - first <= 15
  for (let at = first; plain && at < end; at++) plain = (text[at] as number) >= 0x30 && (text[at] as number) <= 0x39
  if (plain) return false
  const literal = text.toString('latin1', start, end)
  return String(Number(literal)) !== literal && jsonNumber.test(literal)
}
