import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'

/** A line of a file as the bytes it is: a text decoder would hide changes. */
export interface RawLine {
  /** One byte 0, then the line without its line feed: what RFC 6962 hashes. */
  readonly bytes: Buffer
  /** False for bytes behind the last line feed. */
  readonly whole: boolean
}

/** Nobody writes a longer line; one ends the reading instead of the memory. */
export const longestLine = 16 * 1024 * 1024
const lineFeed = 10

/**
 * The lines of a file, some at a time, in constant memory; `.gz` files are unpacked. They are good until the next ones
 * are asked for. `seen` hears how many bytes of the file were read. From byte `start` on, where a line must begin.
 * @throws when the file cannot be read, or unpacked.
 */
export async function* rawLines(
  path: string,
  seen: (bytes: number) => void = () => {},
  blockBytes = 256 * 1024,
  start = 0,
): AsyncGenerator<RawLine[]> {
  const source = createReadStream(path, { highWaterMark: blockBytes, start })
  const blocks = path.endsWith('.gz') ? pipeline(source, createGunzip({ chunkSize: blockBytes }), () => {}) : source
  let rest: Buffer[] = []
  let held = 0
  let told = 0
  for await (const block of blocks as AsyncIterable<Buffer>) {
    const lines: RawLine[] = []
    let from = 0
    seen(source.bytesRead - told)
    told = source.bytesRead
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

/** The line feed before the line has done its duty: its byte is the prefix, and nothing needs to be copied. */
function prefixed(block: Buffer, from: number, end: number): Buffer {
  block[from - 1] = 0
  return block.subarray(from - 1, end)
}
