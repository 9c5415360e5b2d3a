import { Envelope, seal } from '../../src/envelope/envelope.ts'
import type { SealOptions } from '../../src/envelope/envelope.ts'
import type { Bytes } from '../../src/envelope/pieces.ts'

/** A fixed data key and place, and small chunks. */
export const making: SealOptions = {
  mount: 'transit',
  key: 'backups',
  wrapped: 'vault:v1:AAAA',
  dataKey: Buffer.alloc(32, 7),
  random: (count) => Buffer.alloc(count, 9),
  chunk: 64,
}

/** Bytes in parts of a size. */
export async function* inParts(bytes: Uint8Array, size = 50): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** All bytes of a stream. */
export async function whole(stream: Bytes): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of stream) parts.push(Buffer.from(part))
  return Buffer.concat(parts)
}

/** An envelope of some bytes. */
export const sealed = async (plaintext: Uint8Array, more: Partial<SealOptions> = {}): Promise<Buffer> =>
  whole(seal(inParts(plaintext), { ...making, ...more }))

/** What was given out of an envelope, and why it ended early, if it did. */
export async function given(
  file: Uint8Array,
  dataKey: Uint8Array = making.dataKey,
): Promise<{ readonly plaintext: Buffer; readonly why?: string }> {
  const parts: Buffer[] = []
  try {
    for await (const part of (await Envelope.read(inParts(file))).open(dataKey)) parts.push(Buffer.from(part))
    return { plaintext: Buffer.concat(parts) }
  } catch (thrown) {
    return { plaintext: Buffer.concat(parts), why: (thrown as Error).message }
  }
}

/** The n-th byte is n modulo 251. */
export const counted = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, at) => at % 251))
