import { expect } from 'chai'
import * as fc from 'fast-check'
import { Envelope } from '../../src/envelope/envelope.ts'
import { headerBytes } from '../../src/envelope/header.ts'
import { counted, given, inParts, making, sealed, whole } from './support.ts'
import { readSlowly } from './twin.ts'

const chunk = 64
const piece = chunk + 16
const plaintext = counted(200)
const otherData = counted(200).toReversed()

/** An envelope of four chunks, cut into its header and its chunks. */
async function parts(more: Parameters<typeof sealed>[1] = {}, content: Uint8Array = plaintext) {
  const file = await sealed(content, more)
  const { header } = await Envelope.read(inParts(file))
  const length = headerBytes(header).length
  const chunks = [0, 1, 2, 3].map((index) => file.subarray(length + index * piece, length + (index + 1) * piece))
  return { file, length, header: file.subarray(0, length), chunks }
}

/** Nothing but verified chunks from the beginning was given out, and it was said why no more. */
async function refused(file: Uint8Array, why: RegExp, dataKey = making.dataKey): Promise<void> {
  const { plaintext: out, why: said } = await given(file, dataKey)
  expect(said).to.match(why)
  expect(out.length % chunk, 'whole chunks').to.equal(0)
  expect(out.equals(plaintext.subarray(0, out.length))).to.equal(true)
}

describe('an envelope', () => {
  it('decrypts its own output, for any size and any chunking of the input', async () => {
    const around = fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: -2, max: 2 }))
    const length = around.map(([chunks, more]) => Math.max(0, chunks * chunk + more))
    await fc.assert(
      fc.asyncProperty(length, fc.integer({ min: 1, max: 200 }), async (size, part) => {
        const file = await sealed(counted(size))
        const opened = await whole((await Envelope.read(inParts(file, part))).open(making.dataKey))
        expect(opened.equals(counted(size))).to.equal(true)
        expect(readSlowly(file, Buffer.from(making.dataKey)).plaintext.equals(counted(size))).to.equal(true)
      }),
    )
  })

  it('is found changed whichever bit of it is', async () => {
    const { file } = await parts()
    await fc.assert(
      fc.asyncProperty(fc.nat(file.length - 1), fc.nat(7), async (at, bit) => {
        const changed = Buffer.from(file)
        changed[at] = (changed[at] as number) ^ (1 << bit)
        const { why } = await given(changed)
        // The wrapped data key is the server's to check: another one opens another data key, or none.
        const { wrapped } = (await Envelope.read(inParts(changed)).catch(() => undefined))?.header ?? {}
        if (wrapped === undefined || wrapped === making.wrapped) expect(why, `byte ${at}`).to.be.a('string')
      }),
      { numRuns: 300 },
    )
  })

  it('is found cut wherever it is cut', async () => {
    const { file, length } = await parts()
    await refused(new Uint8Array(), /^it is empty$/)
    for (let end = 1; end < file.length; end++) {
      const atBound = end >= length && (end - length) % piece === 0
      await refused(file.subarray(0, end), atBound ? /cut off: its end is missing/ : /cut off|no envelope/)
    }
  })

  it('is found longer than it was, by a byte or by a whole chunk', async () => {
    const { file, chunks } = await parts()
    await refused(Buffer.concat([file, Buffer.alloc(1)]), /changed/)
    await refused(Buffer.concat([file, chunks[3] as Buffer]), /changed/)
    const full = await sealed(plaintext.subarray(0, 128))
    await refused(Buffer.concat([full, Buffer.alloc(1)]), /something was appended/)
    await refused(Buffer.concat([file, file]), /changed|appended/)
  })

  it('is found reassembled: chunks swapped, duplicated, left out, or those of another', async () => {
    const { header, chunks } = await parts()
    const other = await parts({ random: (count) => Buffer.alloc(count, 10) }, otherData)
    const [a, b, c, d] = chunks as [Buffer, Buffer, Buffer, Buffer]
    const orders = [
      [b, a, c, d],
      [a, c, b, d],
      [a, b, c, c],
      [a, b, b, c, d],
      [a, c, d],
      [b, c, d],
      [d],
      [a, b, d],
      [d, a, b, c],
      [a, other.chunks[1] as Buffer, c, d],
      [a, b, c, other.chunks[3] as Buffer],
    ]
    for (const order of orders)
      await refused(Buffer.concat([header, ...order]), /changed, or stands in the wrong place/)
  })

  it('is found to have the header of another, although the data key is the same', async () => {
    const mine = await parts()
    for (const more of [
      { random: (count: number) => Buffer.alloc(count, 10) },
      { mount: 'transiT' },
      { key: 'backupz' },
      { chunk: 65 },
    ]) {
      const other = await parts(more)
      await refused(Buffer.concat([other.header, ...mine.chunks]), /changed/)
      // The proof of the one with the fields of the other.
      const mixed = Buffer.from(other.header)
      const proofAt = other.length - 2 - making.wrapped.length - 32
      mine.file.copy(mixed, proofAt, proofAt, proofAt + 32)
      await refused(Buffer.concat([mixed, ...mine.chunks]), /header was changed/)
    }
  })

  it('decrypts with no other data key', async () => {
    const { file } = await parts()
    await refused(file, /data key is that of another/, Buffer.alloc(32, 8))
    await refused(file, /data key is that of another/, Buffer.alloc(16, 7))
  })

  it('takes another wrapping of its data key, and stays the same else', async () => {
    const { file, length } = await parts()
    const wrapped = 'vault:v12:BBBBBBBB'
    const body = file.length - length
    const again = await whole((await Envelope.read(inParts(file))).rewrapped(wrapped))
    expect((await Envelope.read(inParts(again))).header.wrapped).to.equal(wrapped)
    expect(again.subarray(-body).equals(file.subarray(-body))).to.equal(true)
    expect(again.length - file.length).to.equal(wrapped.length - making.wrapped.length)
    expect(again.indexOf(wrapped)).to.equal(length - making.wrapped.length)
    expect(await given(again)).to.deep.equal({ plaintext })
  })

  it('of another version is distinguished from other data', async () => {
    const { file } = await parts()
    const next = Buffer.from(file)
    next[21] = '2'.charCodeAt(0)
    await refused(next, /another version: use a newer strongroom/)
    await refused(Buffer.from('-- PostgreSQL database dump'), /no envelope/)
  })

  it('cannot lead to another path of the server, nor paint a terminal', async () => {
    const made = async (more: object): Promise<void> => refused(await sealed(plaintext, more), /no header can/)
    for (const mount of ['../sys', 'a/../b', '', '/', 'a//b', 'a?b', 'a b', '\u001b[2J']) await made({ mount })
    for (const key of ['', '.', '..', 'a/b', 'a?b', 'a\nb', 'a%2fb']) await made({ key })
    for (const wrapped of ['', 'vault:v0:AA', 'vault:v1:', 'vault:v1:A\u001b[0m', 'AAAA']) await made({ wrapped })
    for (const size of [0, 63, 1024 * 1024 + 1]) await refused(await tooLarge(size), /no header can/)
  })
})

/** An envelope that claims another size of its chunks. */
async function tooLarge(size: number): Promise<Buffer> {
  const { file } = await parts()
  const changed = Buffer.from(file)
  changed.writeUInt32BE(size, 23)
  return changed
}
