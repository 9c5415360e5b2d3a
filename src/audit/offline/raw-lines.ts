import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'

/** A line of a file as raw bytes: a text decoder would hide changes. */
export interface RawLine {
  /** One zero byte, then the line without its line feed: the input of RFC 6962's leaf hash. */
  readonly bytes: Buffer
  /** False for bytes after the last line feed. */
  readonly whole: boolean
}

/** Longer lines are never written; one stops the reading before it exhausts the memory. */
export const longestLine = 16 * 1024 * 1024
/**
 * After this many consecutive lines that are not JSON objects, the file is not a log: a small compressed file may have billions
 * of lines.
 */
const mostInvalid = 100_000
const [lineFeed, opening, closing] = [10, 0x7b, 0x7d]

/** A file whose rest cannot be read: it cannot be decompressed, or it has no lines of a log. */
export class Unreadable extends Error {
  /** The end of the readable lines: the number of the next one, counted from 1. */
  readonly line: number
  readonly why: string

  constructor(path: string, line: number, why: string) {
    super(`${path}, from line ${line} on: ${why}`)
    this.line = line
    this.why = why
  }
}

/**
 * The lines of a file, some at a time, in constant memory; `.gz` files are decompressed. They are valid until the next ones
 * are requested. `seen` is called with the number of bytes read. From byte `start` on, where a line must begin.
 * @throws Unreadable if the rest of the file cannot be read; errors of the system if the file cannot be read.
 */
export async function* rawLines(
  path: string,
  seen?: (bytes: number) => void,
  blockBytes?: number,
  start?: number,
): AsyncGenerator<RawLine[]> {
  let [line, invalidLines] = [1, 0]
  try {
    for await (const lines of splitLines(path, seen, blockBytes, start)) {
      for (const { bytes } of lines) invalidLines = isObject(bytes) ? 0 : invalidLines + 1
      line += lines.length
      yield lines
      if (invalidLines > mostInvalid) throw new Unreadable(path, line, 'these are no lines of an audit log')
    }
  } catch (thrown) {
    const { code = '' } = thrown as NodeJS.ErrnoException
    // A compressed file that cannot be decompressed was changed or truncated; all other errors are those of reading.
    if (!code.startsWith('Z_')) throw Object.assign(thrown as Error, { path })
    throw new Unreadable(path, line, 'the compressed file cannot be decompressed: it was changed or truncated')
  }
}

/** Whether the bytes of a line may be a JSON object. */
export const isObject = (bytes: Buffer): boolean => bytes[1] === opening && bytes.at(-1) === closing

async function* splitLines(
  path: string,
  seen: (bytes: number) => void = () => {},
  blockBytes = 256 * 1024,
  start = 0,
): AsyncGenerator<RawLine[]> {
  const source = createReadStream(path, { highWaterMark: blockBytes, start })
  const blocks = path.endsWith('.gz') ? pipeline(source, createGunzip({ chunkSize: blockBytes }), () => {}) : source
  let rest: Buffer[] = []
  let held = 0
  let reported = 0
  for await (const block of blocks as AsyncIterable<Buffer>) {
    const lines: RawLine[] = []
    let from = 0
    seen(source.bytesRead - reported)
    reported = source.bytesRead
    for (let end = block.indexOf(lineFeed); end >= 0; end = block.indexOf(lineFeed, from)) {
      lines.push({ bytes: from === 0 ? joined(rest, block.subarray(0, end)) : prefixed(block, from, end), whole: true })
      from = end + 1
    }
    if (from > 0) [rest, held] = [[], 0]
    rest.push(Buffer.from(block.subarray(from)))
    held += block.length - from
    if (held > longestLine) {
      lines.push({ bytes: joined(rest, nothing), whole: true })
      yield lines
      return
    }
    if (lines.length > 0) yield lines
  }
  if (held > 0) yield [{ bytes: joined(rest, nothing), whole: false }]
}

const nothing = Buffer.alloc(0)
const zero = Buffer.from([0])

function joined(parts: readonly Buffer[], end: Buffer): Buffer {
  return Buffer.concat([zero, ...parts, end])
}

/** The line feed before the line is no longer needed: its byte becomes the prefix, so that no copy is necessary. */
function prefixed(block: Buffer, from: number, end: number): Buffer {
  block[from - 1] = 0
  return block.subarray(from - 1, end)
}
