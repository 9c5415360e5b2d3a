/** The characters that RFC 4514 section 2.4 escapes, and those that Active Directory wants escaped as well. */
const special = /["+,;<>\\=#]/g

/** A value for a distinguished name (RFC 4514 section 2.4): it can begin no other part of the name. */
export function escapedInDn(value: string): string {
  return value.replace(special, '\\$&').replaceAll('\0', '\\00').replace(/^ | $/g, '\\$&')
}

/** A value for a filter (RFC 4515 section 3). */
export function escapedInFilter(value: string): string {
  return value.replace(/[\\*()\0]/g, (char) => `\\${char.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

/** The value of the first CN in a distinguished name; undefined: it has none, or it is no name. */
export function commonNameOf(dn: string): string | undefined {
  const part = /(?:^|[,+;])\s*(?:cn|2\.5\.4\.3)\s*=\s*((?:\\[^]|[^\\,+;"])*)/i
  // The parts before it may hold escaped commas: these are no beginnings of parts.
  const hidden = dn.replace(/\\[^0-9a-fA-F]/g, (pair) => `\\${pair.charCodeAt(1).toString(16).padStart(2, '0')}`)
  // Quotes are of older forms, in which a comma ends no part: RFC 4514 escapes them.
  const value = hidden.includes('"') ? undefined : part.exec(hidden)?.[1]?.trim()
  return value === undefined || value === '' ? undefined : unescaped(value)
}

/** Pairs of hexadecimal digits are bytes of UTF-8. */
function unescaped(value: string): string {
  return value.replace(/(?:\\[0-9a-fA-F]{2})+/g, (bytes) =>
    Buffer.from(bytes.replaceAll('\\', ''), 'hex').toString('utf8'),
  )
}
