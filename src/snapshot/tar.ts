import { refuse } from '../contract/fault.ts'

/** Bytes of a header, and what the content of a file is padded to. */
export const tarBlock = 512
const mostBytes = 8 ** 11 - 1

/** The header of a plain file (POSIX ustar). @param at epoch seconds */
export function tarHeader(name: string, size: number, at: number): Buffer {
  const header = Buffer.alloc(tarBlock)
  const octal = (value: number, offset: number, length: number): void =>
    void header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, offset, 'latin1')
  header.write(name, 0, 100, 'latin1')
  octal(0o600, 100, 8)
  octal(0, 108, 8)
  octal(0, 116, 8)
  writeSize(header, size)
  octal(at, 136, 12)
  header.write('0', 156, 'latin1')
  header.write('ustar\x0000', 257, 'latin1')
  octal(sumOf(header), 148, 7)
  header.write(' ', 155, 'latin1')
  return header
}

/** The bytes behind a content of this size. */
export const tarPadding = (size: number): Buffer => Buffer.alloc((tarBlock - (size % tarBlock)) % tarBlock)

/** Two empty blocks end an archive. */
export const tarEnd: Buffer = Buffer.alloc(2 * tarBlock)

/**
 * The name and the size of a plain file. Undefined for the block that ends the archive.
 * @throws Fault invalid_request for links, folders and everything else that a snapshot has no use for
 */
export function readTarHeader(header: Buffer): { readonly name: string; readonly size: number } | undefined {
  if (header.every((byte) => byte === 0)) return undefined
  const text = (offset: number, length: number): string =>
    header.toString('latin1', offset, offset + length).split('\0', 1)[0] ?? ''
  const sum = /^[0-7]{1,7}$/.exec(text(148, 8).trim())?.[0]
  if (sum === undefined || parseInt(sum, 8) !== sumOf(header))
    throw refuse('the file is no snapshot, or it was changed')
  const size = readSize(header, text(124, 12).trim())
  const isPlain = header[156] === 0x30 || header[156] === 0
  if (!isPlain || text(345, 155) !== '' || size === undefined)
    throw refuse('the file is no snapshot: it holds something else than plain files')
  return { name: text(0, 100), size }
}

/** Eleven octal digits, or from 8 GiB on GNU's binary form. */
function writeSize(header: Buffer, size: number): void {
  if (size <= mostBytes) return void header.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1')
  header.writeUInt8(0x80, 124)
  header.writeBigUInt64BE(BigInt(size), 128)
}

function readSize(header: Buffer, text: string): number | undefined {
  if (header[124] === 0x80) {
    const size = Number(header.readBigUInt64BE(128))
    return Number.isSafeInteger(size) && header.readUInt32BE(124) === 0x80000000 ? size : undefined
  }
  return /^[0-7]{1,11}$/.test(text) ? parseInt(text, 8) : undefined
}

/** With the place of the sum itself read as blanks. */
function sumOf(header: Buffer): number {
  let sum = 8 * 0x20
  for (const [at, byte] of header.entries()) if (at < 148 || at >= 156) sum += byte
  return sum
}
