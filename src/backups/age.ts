import { ReadableStream } from 'node:stream/web'

/** A recipient of either kind is a few hundred characters (X25519), or two thousand (with ML-KEM-768). */
const longest = 4096

/** Why these are no recipients of age (age-encryption.org/v1); undefined: they are. Does not repeat them: one may be a private key by mistake. */
export async function recipientsProblem(recipients: readonly string[]): Promise<string | undefined> {
  const { Encrypter } = await import('age-encryption')
  for (const recipient of recipients) {
    if (/^age-secret-key-/i.test(recipient)) return 'one is a private key: give the public one, which begins with age1'
    try {
      if (recipient.length > longest) return 'one is too long'
      new Encrypter().addRecipient(recipient)
    } catch {
      return 'one is no recipient of age: it begins with age1, or age1pq1'
    }
  }
  const secure = recipients.filter(isPostQuantum).length
  return secure > 0 && secure < recipients.length
    ? 'post-quantum recipients (age1pq1…) and others cannot be mixed: a file is as safe as its weakest recipient'
    : undefined
}

const isPostQuantum = (recipient: string): boolean => /^age1(?:tag)?pq1/.test(recipient)

/** A stream encrypted to recipients, in chunks of 64 KiB. */
export async function* encryptedTo(
  recipients: readonly string[],
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const { Encrypter } = await import('age-encryption')
  const encrypter = new Encrypter()
  for (const recipient of recipients) encrypter.addRecipient(recipient)
  type Stream = Parameters<typeof encrypter.encrypt>[0] & globalThis.ReadableStream<Uint8Array>
  yield* await encrypter.encrypt(ReadableStream.from(pieces) as unknown as Stream)
}
