import { derInside, derValues, tags } from '../../../crypto/encoding/der.ts'
import type { DerValue } from '../../../crypto/encoding/der.ts'

/** The names of a certificate or of a name constraint (GeneralName, RFC 5280 §4.2.1.6). */
export interface GeneralNames {
  readonly dns: readonly string[]
  readonly email: readonly string[]
  readonly uri: readonly string[]
  readonly ip: readonly Uint8Array[]
  /** The relative distinguished names of each directory name, DER. */
  readonly directory: readonly (readonly Uint8Array[])[]
  /** Whether there are names of other kinds. */
  readonly hasOthers: boolean
}

/** The tags of the kinds of names. */
const kinds = { email: 0x81, dns: 0x82, directory: 0xa4, uri: 0x86, ip: 0x87 } as const

/** Groups names by their kind. @throws RangeError for a string that is not printable ASCII */
export function namesIn(values: readonly DerValue[]): GeneralNames {
  const of = (kind: number): readonly Uint8Array[] =>
    values.filter(({ tag }) => tag === kind).map(({ content }) => content)
  const supported: readonly number[] = Object.values(kinds)
  return {
    dns: of(kinds.dns).map(ascii),
    email: of(kinds.email).map(ascii),
    uri: of(kinds.uri).map(ascii),
    ip: of(kinds.ip),
    directory: of(kinds.directory).map((name) => derInside(name, tags.sequence).map(({ whole }) => whole)),
    hasOthers: values.some(({ tag }) => !supported.includes(tag)),
  }
}

/** The names of subtrees (RFC 5280 §4.2.1.10); a subtree with a minimum or maximum is treated as a name of another kind. @throws RangeError */
export function subtreesIn(content: Uint8Array): GeneralNames {
  const trees = derValues(content).map(({ content: tree }) => derValues(tree))
  const names = namesIn(trees.flatMap(([base]) => (base ? [base] : [])))
  return trees.every((tree) => tree.length === 1) ? names : { ...names, hasOthers: true }
}

function ascii(content: Uint8Array): string {
  if (content.some((byte) => byte < 0x20 || byte > 0x7e)) throw new RangeError('not printable ASCII')
  return Buffer.from(content).toString('ascii')
}
