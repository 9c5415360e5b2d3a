import { expect } from 'chai'
import { Secret } from '../../../src/util/secret.ts'
import { sha256Hex, signedHeaders } from '../../../src/util/http/sigv4.ts'
import type { SigningScope, Unsigned } from '../../../src/util/http/sigv4.ts'

const empty = sha256Hex('')
const bucket = 'https://examplebucket.s3.amazonaws.com'
const s3: SigningScope = { region: 'us-east-1', service: 's3', at: Date.UTC(2013, 4, 24) }
const get = (url: string, headers: Record<string, string> = {}): Unsigned => ({ method: 'GET', url, headers: { ...headers, 'x-amz-content-sha256': empty }, bodyHash: empty }) // prettier-ignore

function signatureOf(request: Unsigned, scope: SigningScope, secret: string, id = 'AKIAIOSFODNN7EXAMPLE'): string {
  const { authorization = '' } = signedHeaders(request, { accessKey: id, secretKey: new Secret(secret) }, scope)
  return authorization.split('Signature=')[1] as string
}

// The examples of AWS: "Create a signed AWS API request", and "Authenticating Requests: Using the Authorization Header" of S3.
describe('a request that is signed for AWS', () => {
  const ofS3: readonly (readonly [string, Unsigned, string])[] = [
    ['an object', get(`${bucket}/test.txt`, { Range: 'bytes=0-9' }), 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41'],
    ['a query without a value', get(`${bucket}/?lifecycle`), 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543'],
    ['a list', get(`${bucket}/?prefix=J&max-keys=2`), '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7'],
    [
      'an upload',
      {
        method: 'PUT',
        url: `${bucket}/test%24file.text`,
        headers: { Date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY', 'x-amz-content-sha256': sha256Hex('Welcome to Amazon S3.') },
        bodyHash: sha256Hex('Welcome to Amazon S3.'),
      },
      '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
    ],
  ] // prettier-ignore
  for (const [name, request, signature] of ofS3)
    it(`has the signature of the example for S3: ${name}`, () => {
      expect(signatureOf(request, s3, 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY')).to.equal(signature)
    })

  it('has the signature of the example for other services', () => {
    const request = {
      method: 'GET',
      url: 'https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8' },
      bodyHash: empty,
    }
    const scope = { region: 'us-east-1', service: 'iam', at: Date.UTC(2015, 7, 30, 12, 36) }
    expect(signatureOf(request, scope, 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', 'AKIDEXAMPLE')).to.equal(
      '5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7',
    )
  })

  it('carries and signs the session token, and shows no secret', () => {
    const credentials = { accessKey: 'A', secretKey: new Secret('hidden'), sessionToken: new Secret('passing') }
    const headers = signedHeaders(get(`${bucket}/a`), credentials, s3)
    expect(headers['x-amz-security-token']).to.equal('passing')
    expect(headers['authorization']).to.match(
      /SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,/,
    )
    expect(JSON.stringify(headers)).to.not.include('hidden')
  })
})
