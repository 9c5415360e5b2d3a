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
