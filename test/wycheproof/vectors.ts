import { readFileSync } from 'node:fs'
import { brotliDecompressSync } from 'node:zlib'

/** One test; which members it has depends on its file. Bytes are hexadecimal. */
export type Case = Readonly<Record<string, string>> & {
  readonly tcId: number
  readonly result: 'valid' | 'invalid' | 'acceptable'
  readonly flags?: readonly string[]
}
export type Group = Readonly<Record<string, unknown>> & { readonly tests: readonly Case[] }
export interface File {
  readonly name: string
  readonly groups: readonly Group[]
}

/** The vectors: see README.md beside them. */
export const vectorsFile = 'test/wycheproof/vectors.json.br'

/** Signed JSON (RFC 7515) for public keys, with what verifies it. */
export interface JwsGroup {
  readonly comment: string
  readonly public: Readonly<Record<string, unknown>>
  readonly tests: readonly { readonly tcId: number; readonly jws: string; readonly result: 'valid' | 'invalid' }[]
}

/** The vectors of JWS. */
export const jwsFile = 'test/wycheproof/jws.json.br'

/** The groups of JWS vectors. */
export const jwsGroups = (): readonly JwsGroup[] => JSON.parse(brotliDecompressSync(readFileSync(jwsFile)).toString()) as readonly JwsGroup[] // prettier-ignore

let all: readonly File[] | undefined

/** The files whose names fit. */
export function files(names: RegExp): readonly File[] {
  all ??= JSON.parse(brotliDecompressSync(readFileSync(vectorsFile)).toString()) as readonly File[]
  return all.filter(({ name }) => names.test(name))
}

/** Hexadecimal as standard base64. */
export function b64(hex: string | undefined): string {
  return Buffer.from(hex ?? '', 'hex').toString('base64')
}
