import { createHash, hash } from 'node:crypto'
import { base64, fromBase64, text, textOrNone } from '../util/bytes.ts'
import type { Entry } from '../contract/storage.ts'
import { Slices } from '../util/slices.ts'
import { recordBytes } from './records.ts'

/** The files of a snapshot, in their order in the archive. */
export const names = { meta: 'meta.json', state: 'state.bin', sums: 'SHA256SUMS', seal: 'SHA256SUMS.sealed' } as const

/** The content of `state.bin`, by number, length and SHA-256 (hexadecimal). */
export interface Measured {
  readonly records: number
  readonly bytes: number
  readonly sha256: string
}

/** Adds up the records of a storage as a snapshot has them. @param keep false: a record that no snapshot has */
export async function measure(
  pages: AsyncIterable<readonly Entry[]>,
  keep: (key: string) => boolean = () => true,
): Promise<Measured> {
  const sum = createHash('sha256')
  const slices = new Slices()
  let [records, bytes] = [0, 0]
  for await (const entries of pages) {
    const kept = entries.filter(({ key }) => keep(key))
    const part = recordBytes(kept)
    sum.update(part)
    records += kept.length
    bytes += part.length
    await slices.pause()
  }
  return { records, bytes, sha256: sum.digest('hex') }
}

export const sha256 = (bytes: Uint8Array): string => hash('sha256', bytes, 'hex')

/** The content of `SHA256SUMS`, which sha256sum(1) reads, too. The seal is over these bytes. */
export function sumsText(meta: string, state: string): string {
  return `${meta}  ${names.meta}\n${state}  ${names.state}\n`
}

/** The content of `SHA256SUMS.sealed`. */
export function sealText(mac: Uint8Array): string {
  return `${JSON.stringify({ 'hmac-sha256': base64(mac) })}\n`
}

/** The seal in `SHA256SUMS.sealed`; undefined when it has another form. */
export function readSeal(bytes: Uint8Array): Uint8Array | undefined {
  const found = /^\{"hmac-sha256":"([A-Za-z0-9+/]{43}=)"\}\n$/.exec(textOrNone(bytes) ?? '')
  return found?.[1] === undefined ? undefined : fromBase64(found[1])
}

/** The sums of a `SHA256SUMS`; undefined when it has another form. */
export function readSums(bytes: Uint8Array): { readonly meta: string; readonly state: string } | undefined {
  const [, meta, state] = /^([0-9a-f]{64}) {2}meta\.json\n([0-9a-f]{64}) {2}state\.bin\n$/.exec(text(bytes)) ?? []
  return meta !== undefined && state !== undefined ? { meta, state } : undefined
}
