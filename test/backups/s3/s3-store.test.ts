import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { S3Store } from '../../../src/backups/s3/s3-store.ts'
import { bucketAddress } from '../../../src/backups/s3/settings.ts'
import type { S3Settings } from '../../../src/backups/s3/settings.ts'
import { systemClock } from '../../../src/util/clock.ts'
import { S3Server } from '../../support/services/s3-server.ts'

const settings: S3Settings = { bucket: 'b-1', region: 'eu-central-1', endpoint: '', pathStyle: false, accessKey: 'A', secretKey: 'S', sessionToken: '', encryption: 'none', kmsKey: '', ca: '' } // prettier-ignore

async function* pieces(...all: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* all
}

describe('a store with the API of S3', () => {
  let server: S3Server
  const storeOf = (more: Partial<S3Settings> = {}): S3Store => new S3Store({ ...settings, endpoint: server.address, pathStyle: true, ...more }, 'a/', systemClock, new AbortController().signal) // prettier-ignore
  beforeEach(async () => {
    server = await S3Server.start()
  })
  afterEach(async () => server.stop())

  it('gets large files in parts, gives them back, and removes them', async () => {
    const data = randomBytes(33 * 1024 * 1024)
    const cuts = [0, 5, 6, 20_000_000, 20_000_001, data.length]
    const written = await storeOf().write('x', pieces(...cuts.slice(1).map((end, at) => data.subarray(cuts[at], end))))
    expect(server.requests.filter((one) => one.startsWith('PUT'))).to.have.length(3)
    expect(server.objects.get('/b-1/a/x')?.equals(data)).to.equal(true)
    const back: Uint8Array[] = []
    for await (const part of written.read()) back.push(part)
    expect(Buffer.concat(back).equals(data)).to.equal(true)
    await storeOf().remove('x')
    await storeOf().remove('x')
    expect(server.objects.size).to.equal(0)
  })

  it('asks for encryption by the store', async () => {
    const seen: unknown[] = []
    server.misdeed = ({ method, headers }) => {
      if (method === 'POST') seen.push(headers['x-amz-server-side-encryption'], headers['x-amz-server-side-encryption-aws-kms-key-id'], headers['x-amz-security-token']) // prettier-ignore
      return false
    }
    await storeOf({ encryption: 'aws:kms', kmsKey: 'k', sessionToken: 't' }).write('x', pieces(Buffer.from('a')))
    expect(seen.slice(0, 3)).to.deep.equal(['aws:kms', 'k', 't'])
  })

  it('is addressed as Amazon does it, or with the bucket in the path', () => {
    expect(bucketAddress(settings)).to.equal('https://b-1.s3.eu-central-1.amazonaws.com')
    expect(bucketAddress({ ...settings, pathStyle: true })).to.equal('https://s3.eu-central-1.amazonaws.com/b-1')
    expect(bucketAddress({ ...settings, endpoint: 'https://store.example:9000/' })).to.equal('https://b-1.store.example:9000') // prettier-ignore
    expect(bucketAddress({ ...settings, endpoint: 'https://store.example/s3/', pathStyle: true })).to.equal('https://store.example/s3/b-1') // prettier-ignore
  })
})
