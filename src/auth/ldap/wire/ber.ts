import { DirectoryError } from './directory-error.ts'

/** One element of BER (X.690 section 8): its tag and its content. */
export interface Element {
  readonly tag: number
  readonly content: Buffer
}

/** The most bytes of one message of a server. */
const largestMessage = 1024 * 1024

/** The tag and the size of the element that begins here; undefined: more bytes are needed. @throws DirectoryError when it is none, or too large */
export function headOf(
  bytes: Buffer,
  at = 0,
): { readonly tag: number; readonly begin: number; readonly end: number } | undefined {
  const [tag, first] = [bytes[at], bytes[at + 1]]
  if (tag === undefined || first === undefined) return undefined
  if (first < 0x80) return { tag, begin: at + 2, end: at + 2 + first }
  const octets = first - 0x80
  // RFC 4511 section 5.1: the definite form only.
  if (octets < 1 || octets > 4) throw new DirectoryError('the response is no LDAP message')
  if (bytes.length < at + 2 + octets) return undefined
  const length = bytes.readUIntBE(at + 2, octets)
  if (length > largestMessage)
    throw new DirectoryError(`a message of the response is larger than ${largestMessage} bytes`)
  return { tag, begin: at + 2 + octets, end: at + 2 + octets + length }
}

/** All elements of some bytes, which end with the last of them. @throws DirectoryError */
export function elementsOf(bytes: Buffer): readonly Element[] {
  const found: Element[] = []
  for (let at = 0; at < bytes.length;) {
    const head = headOf(bytes, at)
    if (!head || head.end > bytes.length) throw new DirectoryError('the response is no LDAP message')
    found.push({ tag: head.tag, content: bytes.subarray(head.begin, head.end) })
    at = head.end
  }
  return found
}

/** The content of an element of one of these tags. @throws DirectoryError when it is another, or there is none */
export function contentOf(element: Element | undefined, ...tags: readonly number[]): Buffer {
  if (!element || !tags.includes(element.tag)) throw new DirectoryError('the response is no LDAP message')
  return element.content
}

/** A whole number of at most 6 bytes, which is not negative. @throws DirectoryError */
export function numberOf(element: Element | undefined, tag: number): number {
  const content = contentOf(element, tag)
  if (content.length < 1 || content.length > 6) throw new DirectoryError('the response is no LDAP message')
  return content.readUIntBE(0, content.length)
}
