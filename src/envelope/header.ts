import { isPathName } from '../contract/names.ts'
import { concat, text, utf8 } from '../util/bytes.ts'
import { Damaged } from './damaged.ts'
import type { StreamReader } from './pieces.ts'

/** The first line of every envelope: the name and version of its format. */
const magic = utf8('strongroom envelope v1\n')

/** The header of an envelope. docs/formats.md has it byte by byte. */
export interface Header {
  /** Plaintext bytes of every chunk but the last. */
  readonly chunk: number
  /** 16 random bytes: no two envelopes have the same keys, even under one data key. */
  readonly salt: Uint8Array
  /** Where the server has the key that wraps the data key: `transit`. */
  readonly mount: string
  /** The name of that key. */
  readonly key: string
  /** Proves that the data key belongs to the fields above. */
  readonly proof: Uint8Array
  /** The data key under the named key: `vault:v<n>:<base64>`. The one field that may be replaced. */
  readonly wrapped: string
}

/** The fields that stay as they are as long as the envelope exists. */
export type Fixed = Omit<Header, 'proof' | 'wrapped'>

export const sizes = { salt: 16, proof: 32, leastChunk: 64, mostChunk: 1024 * 1024 } as const

/** The bytes of the fixed fields, from the first byte of the envelope. All keys are derived from them. */
export function fixedBytes({ chunk, salt, mount, key }: Fixed): Uint8Array {
  return concat(magic, uint(chunk, 4), salt, sized(utf8(mount)), sized(utf8(key)))
}

/** All bytes before the first chunk. */
export function headerBytes(header: Header): Uint8Array {
  return concat(fixedBytes(header), header.proof, sized(utf8(header.wrapped)))
}

/** Parses a header; its authenticity is checked with its data key. @throws Damaged */
export async function readHeader(source: StreamReader): Promise<Header> {
  const first = await source.take(magic.length)
  if (Buffer.compare(first, magic) !== 0) throw new Damaged(noEnvelope(first))
  const header: Header = {
    chunk: Buffer.from(await exactly(source, 4)).readUInt32BE(),
    salt: await exactly(source, sizes.salt),
    mount: await textOf(source),
    key: await textOf(source),
    proof: await exactly(source, sizes.proof),
    wrapped: await textOf(source),
  }
  if (!isValid(header)) throw new Damaged('its header holds what no header can: it was changed')
  return header
}

function noEnvelope(first: Uint8Array): string {
  if (first.length === 0) return 'it is empty'
  return /^strongroom envelope v\d.$/s.test(text(first))
    ? 'it is an envelope of another version: use a newer strongroom'
    : 'it is no envelope'
}

/** Names become parts of a path and are shown on terminals: misleading characters are refused. */
export const isMount = (mount: string): boolean => mount.split('/').every(isPathName)
/** Whether a string has the form of a data key wrapped by the server. */
export const isWrapped = (wrapped: string): boolean => /^vault:v[1-9]\d{0,8}:[A-Za-z0-9+/]+={0,2}$/.test(wrapped)
/** The version of the key that a data key is wrapped with. */
export const versionOf = (wrapped: string): number => Number(/^vault:v(\d+):/.exec(wrapped)?.[1])

function isValid({ chunk, mount, key, wrapped }: Header): boolean {
  const sizeFits = chunk >= sizes.leastChunk && chunk <= sizes.mostChunk
  return sizeFits && isMount(mount) && isPathName(key) && isWrapped(wrapped)
}

function uint(value: number, length: number): Uint8Array {
  const bytes = Buffer.alloc(length)
  bytes.writeUIntBE(value, 0, length)
  return bytes
}

/** Bytes after their length. */
function sized(bytes: Uint8Array): Uint8Array {
  return concat(uint(bytes.length, 2), bytes)
}

async function textOf(source: StreamReader): Promise<string> {
  return text(await exactly(source, Buffer.from(await exactly(source, 2)).readUInt16BE()))
}

async function exactly(source: StreamReader, count: number): Promise<Uint8Array> {
  const bytes = await source.take(count)
  if (bytes.length < count) throw new Damaged('it was cut off within its header')
  return bytes
}
