import { isWrapped } from '../../../envelope/header.ts'
import type { Header } from '../../../envelope/header.ts'
import type { Json } from '../../../util/json.ts'
import { fromBase64 } from '../../../util/bytes.ts'
import type { Run } from '../../framework/command.ts'
import { ServerError } from '../../http/errors.ts'
import { during } from '../kv/path.ts'

/** Where the key is that wraps data keys. */
export type Place = Pick<Header, 'mount' | 'key'>

/** A data key in both its forms. */
interface DataKey {
  readonly wrapped: string
  readonly dataKey: Uint8Array
}

/** Requests a new data key from the server. This right only allows new keys: it decrypts no old envelope. */
export async function newDataKey({ client }: Run, { mount, key }: Place): Promise<DataKey> {
  const path = `${mount}/datakey/plaintext/${key}`
  const { body } = await during(`making a data key at ${path}`, client.send('PUT', path, { bits: 256 }))
  return { wrapped: wrappedOf(body, path), dataKey: dataKeyOf(body, path) }
}

/** Has the server unwrap the data key of an envelope. */
export async function unwrapDataKey({ client }: Run, { mount, key, wrapped }: Header): Promise<Uint8Array> {
  const path = `${mount}/decrypt/${key}`
  const { body } = await during(`unwrapping the data key at ${path}`, client.send('PUT', path, { ciphertext: wrapped }))
  return dataKeyOf(body, path)
}

/** Rewraps the data key of an envelope on the server, with the newest version of its key; it is not shown. */
export async function rewrapDataKey({ client }: Run, { mount, key, wrapped }: Header): Promise<string> {
  const path = `${mount}/rewrap/${key}`
  const { body } = await during(`rewrapping the data key at ${path}`, client.send('PUT', path, { ciphertext: wrapped }))
  return wrappedOf(body, path)
}

function wrappedOf(body: Json | undefined, path: string): string {
  const { ciphertext } = dataOf(body)
  if (typeof ciphertext === 'string' && isWrapped(ciphertext)) return ciphertext
  throw new ServerError(`the response of ${path} contains no wrapped data key`)
}

function dataKeyOf(body: Json | undefined, path: string): Uint8Array {
  const { plaintext } = dataOf(body)
  const bytes = typeof plaintext === 'string' ? fromBase64(plaintext) : undefined
  if (bytes?.length === 32) return bytes
  throw new ServerError(`the response of ${path} contains no data key of 32 bytes`)
}

const dataOf = (body: Json | undefined): Json => (body?.['data'] ?? {}) as Json
