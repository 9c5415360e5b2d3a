import { contentOf, elementsOf, numberOf } from './ber.ts'
import type { Element } from './ber.ts'
import { DirectoryError } from './directory-error.ts'

/** Tags of responses (RFC 4511 section 4). */
export const tags = {
  bindResponse: 0x61,
  searchEntry: 0x64,
  searchDone: 0x65,
  searchReference: 0x73,
  extendedResponse: 0x78,
} as const

/** Result codes (RFC 4511 appendix A). */
export const successCode = 0
export const sizeLimitCode = 4
export const noObjectCode = 32

/** A message: its id, the operation, and the controls. */
export interface Message {
  readonly id: number
  readonly operation: Element
  readonly controls: readonly Element[]
}

/** @throws DirectoryError */
export function messageOf(bytes: Buffer): Message {
  const [envelope] = elementsOf(bytes)
  const [id, operation, controls] = elementsOf(contentOf(envelope, 0x30))
  if (!operation) throw new DirectoryError('the response is no LDAP message')
  return { id: numberOf(id, 0x02), operation, controls: controls ? elementsOf(contentOf(controls, 0xa0)) : [] }
}

/** The result of an operation. */
interface Result {
  readonly id: number
  readonly tag: number
  /** 0: success. */
  readonly code: number
}

/** @throws DirectoryError */
export function resultOf(bytes: Buffer): Result {
  const { id, operation } = messageOf(bytes)
  return { id, tag: operation.tag, code: codeOf(operation) }
}

/** The result code of an operation (RFC 4511 section 4.1.9). @throws DirectoryError */
export function codeOf(operation: Element): number {
  return numberOf(elementsOf(operation.content)[0], 0x0a)
}

/** An entry that a search has found. */
export interface Entry {
  readonly dn: string
  /** The values of an attribute; none when it has no such attribute. Letter case does not count. */
  readonly values: (attribute: string) => readonly Buffer[]
}

/** RFC 4511 section 4.5.2. @throws DirectoryError */
export function entryOf(operation: Element): Entry {
  const [name, attributes] = elementsOf(operation.content)
  const byName = new Map<string, readonly Buffer[]>()
  for (const attribute of elementsOf(contentOf(attributes, 0x30))) {
    const [type, values] = elementsOf(contentOf(attribute, 0x30))
    const found = elementsOf(contentOf(values, 0x31)).map((value) => contentOf(value, 0x04))
    byName.set(contentOf(type, 0x04).toString('utf8').toLowerCase(), found)
  }
  return {
    dn: contentOf(name, 0x04).toString('utf8'),
    values: (attribute) => byName.get(attribute.toLowerCase()) ?? [],
  }
}

const pagedResults = '1.2.840.113556.1.4.319'

/** Where the next page of a search begins (RFC 2696); undefined: there is none. @throws DirectoryError */
export function cookieOf({ controls }: Message): Buffer | undefined {
  for (const control of controls) {
    const [type, ...rest] = elementsOf(contentOf(control, 0x30))
    if (contentOf(type, 0x04).toString('latin1') !== pagedResults) continue
    const [page] = elementsOf(contentOf(rest.at(-1), 0x04))
    const cookie = contentOf(elementsOf(contentOf(page, 0x30))[1], 0x04)
    return cookie.length > 0 ? cookie : undefined
  }
  return undefined
}
