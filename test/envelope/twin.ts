import { createDecipheriv, hkdfSync } from 'node:crypto'

/** What the slow reader found. */
export interface Read {
  readonly chunk: number
  readonly mount: string
  readonly key: string
  readonly wrapped: string
  readonly plaintext: Buffer
}

/** A second reader of envelopes, written from docs/formats.md alone: the whole file at once, no code of ours. */
export function readSlowly(file: Buffer, dataKey: Buffer): Read {
  let at = 0
  const take = (length: number): Buffer => {
    if (at + length > file.length) throw new Error('short')
    return file.subarray(at, (at += length))
  }
  if (take(23).toString('latin1') !== 'strongroom envelope v1\n') throw new Error('magic')
  const chunk = take(4).readUInt32BE()
  take(16)
  const mount = take(take(2).readUInt16BE()).toString('utf8')
  const key = take(take(2).readUInt16BE()).toString('utf8')
  const fixed = file.subarray(0, at)
  const proof = take(32)
  const wrapped = take(take(2).readUInt16BE()).toString('utf8')
  const keys = Buffer.from(hkdfSync('sha256', dataKey, Buffer.alloc(0), fixed, 64))
  if (!keys.subarray(32).equals(proof)) throw new Error('proof')
  return { chunk, mount, key, wrapped, plaintext: chunksOf(file.subarray(at), chunk, keys.subarray(0, 32)) }
}

function chunksOf(body: Buffer, chunk: number, key: Buffer): Buffer {
  const count = Math.max(1, Math.ceil(body.length / (chunk + 16)))
  const plain = Array.from({ length: count }, (_, index) => {
    const sealed = body.subarray(index * (chunk + 16), (index + 1) * (chunk + 16))
    const nonce = Buffer.from(`${index.toString(16).padStart(22, '0')}${index === count - 1 ? '01' : '00'}`, 'hex')
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 })
    decipher.setAuthTag(sealed.subarray(-16))
    return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()])
  })
  return Buffer.concat(plain)
}
