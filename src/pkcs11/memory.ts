import koffi from 'koffi'

/** The memory of C, for PKCS#11 on 64-bit machines with little endian, where CK_ULONG has 8 bytes. */
export const ulongBytes = 8

/** Where bytes lie. They must be kept as long as the library may use them: a view of the buffer is not enough. */
export const addressOf = (bytes: Uint8Array): bigint => koffi.address(bytes)

/** Members of a struct that are CK_ULONGs or pointers, one after the other. */
export function words(...values: readonly (bigint | number)[]): Buffer {
  const bytes = Buffer.alloc(values.length * ulongBytes)
  for (const [at, value] of values.entries()) bytes.writeBigUInt64LE(BigInt(value), at * ulongBytes)
  return bytes
}

/** A CK_ULONG in an array of them. */
export const wordAt = (bytes: Buffer, at = 0): bigint => bytes.readBigUInt64LE(at * ulongBytes)

/** An array of CK_ATTRIBUTE, which point into the values. */
export function attributes(values: readonly (readonly [bigint, Uint8Array])[]): Buffer {
  return Buffer.concat(values.map(([type, value]) => words(type, addressOf(value), value.length)))
}
