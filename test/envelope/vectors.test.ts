import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { counted, given, sealed } from './support.ts'
import { readSlowly } from './twin.ts'

interface Vector {
  readonly length: number
  readonly envelope: string
}

const vectors = JSON.parse(readFileSync('test/envelope/vectors.json', 'utf8')) as {
  readonly data_key: string
  readonly salt: string
  readonly chunk: number
  readonly mount: string
  readonly key: string
  readonly wrapped: string
  readonly envelopes: readonly Vector[]
}
const { chunk, mount, key, wrapped } = vectors
const dataKey = Buffer.from(vectors.data_key, 'hex')
const salt = Buffer.from(vectors.salt, 'hex')

describe('the vectors of envelopes', () => {
  for (const { length, envelope } of vectors.envelopes) {
    const file = Buffer.from(envelope, 'hex')
    it(`${length} bytes are encrypted, decrypted, and read by a second implementation`, async () => {
      const written = await sealed(counted(length), { chunk, mount, key, wrapped, dataKey, random: () => salt })
      expect(written.toString('hex')).to.equal(envelope)
      expect(await given(file, dataKey)).to.deep.equal({ plaintext: counted(length) })
      expect(readSlowly(file, dataKey)).to.deep.equal({ chunk, mount, key, wrapped, plaintext: counted(length) })
    })
  }

  it('reach every kind of end: empty, within a chunk, at its bound, behind it', () => {
    expect(vectors.envelopes.map(({ length }) => length)).to.deep.equal([0, 1, 63, 64, 65, 128, 200])
  })
})
