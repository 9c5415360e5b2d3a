import { expect } from 'chai'
import { HandClock } from '../../support/clock.ts'
import { OcspServer } from '../../support/services/ocsp.ts'
import { issue, pemDer, revocationList, usage } from '../../support/pki.ts'
import type { Issued } from '../../support/pki.ts'
import type { Body } from '../../support/server.ts'
import { tlsServer } from '../../support/processes/tls-server.ts'
import type { TlsServer } from '../../support/processes/tls-server.ts'

const day = 24 * 3600
const authority = (commonName: string, more = {}) => issue({ commonName, isAuthority: true, ends: 7 * day, ...more })
const [root, other] = [authority('Root'), authority('Other')]
const client = (commonName: string, issuer: Issued) =>
  issue({ commonName, issuer, usages: [usage.client], ends: 7 * day })
const [anna, bert, carl] = [client('anna', root), client('bert', root), client('carl', other)]

/** An issuing distribution point: the list has certificates of authorities only. */
const onlyAuthorities = '30038201ff'

describe('revocation lists of cert logins by url', () => {
  const clock = new HandClock(Date.now())
  let server: TlsServer
  let source: OcspServer
  before(async () => {
    server = await tlsServer('', clock)
    source = await new OcspServer().start()
  })
  after(async () => {
    await server.running.stop()
    await source.stop()
  })
  beforeEach(async () => {
    source.requests.length = 0
    await server.call('DELETE', 'sys/auth/cert')
    await server.call('POST', 'sys/auth/cert', { type: 'cert' })
    for (const [name, { cert }] of Object.entries({ web: root, shop: other }))
      await server.call('POST', `auth/cert/certs/${name}`, { certificate: cert })
  })

  /** A list of these, which ends so many seconds after the clock of the server. */
  const listOf = (
    revoked: readonly Issued[],
    ends = 3600,
    more: Parameters<typeof revocationList>[3] = {},
    issuer = root,
  ): Buffer => {
    const ahead = Math.round((clock.now() - Date.now()) / 1000)
    return Buffer.from(revocationList(issuer, revoked.map(({ serial }) => serial), ends + ahead, more)) // prettier-ignore
  }
  const write = async (url: string) => server.call('POST', 'auth/cert/crls/one', { url })
  const read = async () => (await server.call('GET', 'auth/cert/crls/one')).body['data'] as Body
  const statusOf = async (one: Issued) => (await server.login(one)).status

  it('fetches the list at the write, PEM or DER, and shows where it comes from', async () => {
    for (const make of [(pem: Buffer) => pem, (pem: Buffer) => pemDer(pem.toString())]) {
      source.answer = () => make(listOf([anna]))
      const { status, text } = await write(source.url)
      expect(status, text).to.equal(204)
      expect([await statusOf(anna), await statusOf(bert)]).to.deep.equal([400, 200])
    }
    const { serials, cdp } = await read()
    expect(Object.keys(serials as Body)).to.deep.equal([String(BigInt(`0x${anna.serial.toString('hex')}`))])
    expect((cdp as Body)['url']).to.equal(source.url)
    expect(Date.parse(String((cdp as Body)['valid_until']))).to.be.greaterThan(clock.now())
    expect(source.requests).to.have.length(2)
  })

  it('fetches it again at its nextUpdate, once, and takes the new one', async () => {
    source.answer = () => listOf([anna], 600)
    await write(source.url)
    source.answer = () => listOf([bert], 7200)
    expect([await statusOf(anna), await statusOf(bert)]).to.deep.equal([400, 200])
    clock.advance(700_000)
    const logins = [bert, anna, bert, anna].map(async (one) => statusOf(one))
    expect(await Promise.all(logins)).to.deep.equal([400, 200, 400, 200])
    expect(source.requests).to.have.length(2)
  })

  it('refuses clients of its issuer while the next list is missing, and still revokes; others are not affected', async () => {
    source.answer = () => listOf([anna], 600)
    await write(source.url)
    clock.advance(700_000)
    const ill = [
      () => Buffer.alloc(0),
      () => listOf([], 3600, { begins: -day }),
      () => listOf([], -60),
      () => listOf([], 3600, { signer: other }),
      () => listOf([], 3600, { isDelta: true }),
      // Whoever is between the servers may choose among the lists of all trusted authorities.
      () => listOf([], 3600, {}, other),
      () => listOf([], 3600, { scope: onlyAuthorities }),
    ]
    for (const [at, answer] of ill.entries()) {
      source.answer = answer
      expect([await statusOf(bert), await statusOf(anna), await statusOf(carl)], String(at)).to.deep.equal([
        503, 400, 200,
      ])
      clock.advance(11_000)
    }
    // It was asked once every 10 seconds.
    expect(source.requests).to.have.length(1 + ill.length)
    server = await server.restarted()
    expect(await statusOf(bert)).to.equal(503)
    clock.advance(11_000)
    source.answer = () => listOf([], 3600)
    expect([await statusOf(bert), await statusOf(anna)]).to.deep.equal([200, 200])
  })

  it('fetches a list about some certificates again', async () => {
    source.answer = () => listOf([anna], 600, { scope: onlyAuthorities })
    await write(source.url)
    clock.advance(700_000)
    source.answer = () => listOf([bert], 600, { scope: onlyAuthorities })
    expect([await statusOf(anna), await statusOf(bert)]).to.deep.equal([200, 400])
  })

  it('refuses a list of no authority of the mount when it is written, and changes nothing', async () => {
    source.answer = () => listOf([anna])
    await write(source.url)
    const old = await read()
    const silent = authority('Root', { extensions: [{ id: '551d0f', value: Buffer.from('03020204', 'hex') }] })
    const ill: Readonly<Record<string, OcspServer['answer']>> = {
      nothing: () => Buffer.alloc(0),
      text: () => Buffer.from('<html>'),
      'a certificate': () => Buffer.from(root.cert),
      'signed by another': () => listOf([], 3600, { signer: other }),
      'of another of that name': () => Buffer.from(revocationList(silent, [])),
      'an old one': () => listOf([], -60),
      'without an end': () => listOf([], 0, { isEndless: true }),
      'one of later': () => listOf([], 3 * day, { begins: 2 * day }),
      'a delta': () => listOf([], 3600, { isDelta: true }),
      'too large': () => Buffer.alloc(17 * 1024 * 1024, 0x30),
      'a redirect': (_, response) => void response.writeHead(302, { location: source.url }).end(),
      'not found': (_, response) => void response.writeHead(404).end(listOf([])),
    }
    for (const [why, answer] of Object.entries(ill)) {
      source.answer = answer
      expect((await write(source.url)).status, why).to.equal(400)
    }
    for (const url of [
      '',
      'x',
      'ldap://x/',
      'file:///etc/passwd',
      'http://169.254.169.254/',
      'http://u:p@x/',
      'http://x/#y',
      'http://127.0.0.1:1/',
    ])
      expect((await write(url)).status, url).to.equal(400)
    const both = { url: source.url, crl: listOf([]).toString() }
    expect((await server.call('POST', 'auth/cert/crls/one', both)).status).to.equal(400)
    expect(await read()).to.deep.equal(old)
  })

  it('a list of 10,000 certificates does not hold the event loop', async () => {
    const serials = Array.from({ length: 10_000 }, (_, at) =>
      Buffer.from(`7f${at.toString(16).padStart(38, '0')}`, 'hex'),
    )
    const list = Buffer.from(revocationList(root, [...serials, anna.serial], 2 * day))
    source.answer = () => list
    let longest = 0
    let last = performance.now()
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - last)
      last = performance.now()
    }, 1)
    expect((await write(source.url)).status).to.equal(204)
    expect([await statusOf(anna), await statusOf(bert)]).to.deep.equal([400, 200])
    clearInterval(timer)
    // The client is in this process, too.
    expect(longest).to.be.lessThan(250)
  })
})
