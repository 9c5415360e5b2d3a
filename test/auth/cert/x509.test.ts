import { expect } from 'chai'
import { readCertificate } from '../../../src/auth/cert/x509/certificate.ts'
import type { Certificate } from '../../../src/auth/cert/x509/certificate.ts'
import { revokedSerials } from '../../../src/auth/cert/x509/crl.ts'
import { pathProblem } from '../../../src/auth/cert/x509/path.ts'
import { PathSearch } from '../../../src/auth/cert/x509/paths.ts'
import { pemBlocks } from '../../../src/crypto/encoding/pem.ts'
import { tlv } from '../../support/certificate.ts'
import { general, issue, nameConstraints, revocationList } from '../../support/pki.ts'
import type { Issued } from '../../support/pki.ts'

const read = ({ cert }: Issued): Certificate => {
  const [der] = pemBlocks(cert, 'CERTIFICATE') ?? []
  const found = readCertificate(der ?? new Uint8Array())
  if (!found) throw new Error('unreadable')
  return found
}
const problemOf = (anchor: Issued, leaf: Issued): string | undefined =>
  pathProblem([read(leaf), read(anchor)], Date.now())
const address = (...bytes: readonly number[]) => ({ id: '551d11', value: tlv(0x30, general.ip(bytes)) })

describe('certificates', () => {
  it('SHA-1 signatures are refused in a path, but not on the trusted certificate itself', () => {
    const root = issue({ commonName: 'r', isAuthority: true, hash: 'sha1' })
    expect(problemOf(root, issue({ commonName: 'a', issuer: root }))).to.equal(undefined)
    expect(problemOf(root, issue({ commonName: 'a', issuer: root, hash: 'sha1' }))).to.match(/weak signature/)
  })

  it('a duplicate extension makes a certificate unreadable, and so does a DNS name with a zero byte', () => {
    const same = { id: '2a0304', value: Buffer.from('0500', 'hex') }
    for (const wanted of [{ extensions: [same, same] }, { dns: ['a.example\0.b.example'] }])
      expect(() => read(issue({ commonName: 'a', ...wanted }))).to.throw('unreadable')
  })

  it('a malformed key identifier makes a certificate unreadable, whoever signed it', () => {
    for (const id of ['551d0e', '551d23'])
      expect(() => read(issue({ commonName: 'a', extensions: [{ id, value: Buffer.from('05ff', 'hex') }] }))).to.throw('unreadable') // prettier-ignore
  })

  it('name constraints on addresses are blocks', () => {
    const root = issue({
      commonName: 'r',
      isAuthority: true,
      extensions: [nameConstraints([general.ip([10, 0, 0, 0, 255, 0, 0, 0])])],
    })
    const at = (...bytes: readonly number[]) =>
      problemOf(root, issue({ commonName: 'a', issuer: root, extensions: [address(...bytes)] }))
    expect(at(10, 1, 2, 3)).to.equal(undefined)
    expect(at(11, 1, 2, 3)).to.match(/name constraints/)
    expect(at(10)).to.match(/name constraints/)
  })

  it('many authorities of one name that sign each other give a bounded number of paths', () => {
    const { privateKey: key } = issue()
    const others = Array.from({ length: 9 }, () => issue({ commonName: 'o', isAuthority: true, key }))
    const [first] = others
    if (!first) throw new Error('none')
    const search = new PathSearch(read(issue({ commonName: 'a', issuer: first })), others.map(read))
    expect([...search.to([read(issue({ commonName: 'o', isAuthority: true, key }))])].length).to.be.lessThan(256)
  })

  it('a revocation list: empty, with entries, and malformed', async () => {
    const root = issue({ commonName: 'r', isAuthority: true })
    expect(await revokedSerials(revocationList(root, []))).to.deep.equal([])
    expect(await revokedSerials(revocationList(root, [Buffer.from([1]), Buffer.from([0, 255])]))).to.deep.equal([
      '1',
      '255',
    ])
    for (const bad of ['', 'x', root.cert, root.cert.replaceAll('CERTIFICATE', 'X509 CRL')])
      expect(await revokedSerials(bad)).to.equal(undefined)
    const list = revocationList(root, [Buffer.from([1])])
    expect(await revokedSerials(list + list)).to.equal(undefined)
  })
})
