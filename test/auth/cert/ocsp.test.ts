import { generateKeyPairSync } from 'node:crypto'
import { networkInterfaces } from 'node:os'
import { expect } from 'chai'
import { HandClock } from '../../support/clock.ts'
import { leaveOut } from '../../support/leave-out.ts'
import { OcspServer, nonceOf, ocspResponse, ocspSigning, wrapped } from '../../support/services/ocsp.ts'
import type { OcspAnswer } from '../../support/services/ocsp.ts'
import { issue, ocspServers, revocationList, usage } from '../../support/pki.ts'
import type { Issued } from '../../support/pki.ts'
import type { Body, Reply } from '../../support/server.ts'
import { agentOf, tlsServer } from '../../support/processes/tls-server.ts'
import type { TlsServer } from '../../support/processes/tls-server.ts'

const week = 7 * 24 * 3600
const root = issue({ commonName: 'Root', isAuthority: true, ends: week })
const other = issue({ commonName: 'Other', isAuthority: true })
const client = issue({ commonName: 'anna', issuer: root, usages: [usage.client], ends: week })
const bert = issue({ commonName: 'bert', issuer: root, usages: [usage.client] })
const undetermined =
  'it cannot be determined now whether the certificate was revoked: try again. The server log has the reason'

describe('ocsp of cert logins', () => {
  const clock = new HandClock(Date.now())
  const servers: OcspServer[] = []
  let server: TlsServer
  let ocsp: OcspServer

  before(async () => {
    server = await tlsServer('', clock)
    await server.call('POST', 'sys/auth/userpass', { type: 'userpass' })
    await server.call('POST', 'auth/userpass/users/anna', { password: 'right' })
  })
  after(async () => server.running.stop())
  beforeEach(async () => {
    ocsp = await ocspServer(() => says({}))
    // A new mount has no statuses.
    await server.call('DELETE', 'sys/auth/cert')
    await server.call('POST', 'sys/auth/cert', { type: 'cert' })
    expect((await role({})).status).to.equal(204)
  })
  afterEach(async () => {
    for (const one of servers.splice(0)) await one.stop()
  })

  const ocspServer = async (answer: OcspServer['answer'], host?: string): Promise<OcspServer> => {
    const made = await new OcspServer(host).start()
    made.answer = answer
    servers.push(made)
    return made
  }
  const role = async (body: Body, name = 'web'): Promise<Reply> =>
    server.call('POST', `auth/cert/certs/${name}`, {
      certificate: root.cert, ocsp_enabled: true, ocsp_servers_override: [ocsp.url], ...body,
    }) // prettier-ignore
  const says = (more: Partial<OcspAnswer>): Buffer => ocspResponse({ issuer: root, serial: client.serial, ...more })
  const login = async (one: Issued = client, between: readonly Issued[] = []) => server.login(one, {}, between)
  const mustPass = async (one?: Issued) => {
    const reply = await login(one)
    expect(reply.status, reply.text).to.equal(200)
  }
  const mustBeRevoked = async (one?: Issued) =>
    expect((await login(one)).body).to.deep.equal({
      errors: ['no chain matching all constraints could be found for this login certificate'],
    })
  const mustBeUndetermined = async (why = '') => {
    const { status, body } = await login()
    expect([status, body], why).to.deep.equal([503, { errors: [undetermined] }])
  }

  it('accepts certificates with the status good, and refuses revoked and unknown ones', async () => {
    await mustPass()
    ocsp.answer = () => says({ serial: bert.serial, status: 'revoked' })
    await mustBeRevoked(bert)
    const third = issue({ commonName: 'carl', issuer: root })
    ocsp.answer = () => says({ serial: third.serial, status: 'unknown' })
    await mustBeRevoked(third)
  })

  it('CVE-2024-2660: only a response about this certificate, by its issuer or a delegate of it, counts', async () => {
    const twin = issue({ commonName: 'Root', isAuthority: true })
    const delegate = (more: Partial<Parameters<typeof issue>[0]> = {}) =>
      issue({ commonName: 'OCSP', issuer: root, usages: [ocspSigning], ...more })
    const by = (signer: Issued, more: Partial<OcspAnswer> = {}) => says({ signer, certificates: [signer], ...more })
    const hostile: Readonly<Record<string, () => Buffer>> = {
      'another serial number': () => says({ serial: bert.serial }),
      'another issuer': () => says({ issuer: other, signer: root }),
      'another issuer of that name': () => says({ issuer: twin, signer: root }),
      'signed by another authority': () => says({ signer: other }),
      'signed by one of that name': () => by(twin),
      'signed by another, named as the issuer': () => says({ signer: other, named: root }),
      'signed by the client': () => by(client),
      'signed by another client': () => by(bert),
      'a delegate without the usage': () => by(delegate({ usages: [usage.client, '551d2500'] })),
      'a delegate without any usage': () => by(delegate({ usages: undefined as never })),
      'a delegate that has expired': () => by(delegate({ ends: -60 })),
      'a delegate of later': () => by(delegate({ begins: 3000 })),
      'a delegate of another authority': () => by(delegate({ issuer: other })),
      'a delegate of a delegate': () => by(delegate({ issuer: delegate({ isAuthority: true }) })),
      'a delegate that says it is from the issuer': () => by(delegate({ issuer: twin })),
      'a delegate that is not sent': () => says({ signer: delegate() }),
      'SHA-1': () => says({ hash: 'sha1' }),
      'another nonce': () => says({ nonce: Buffer.alloc(32) }),
      'the status twice': () => says({ times: 2 }),
      'no status': () => says({ times: 0 }),
      'too many statuses': () => says({ times: 500 }),
      'an old one': () => says({ thisUpdate: -7200, nextUpdate: -3600 }),
      'one of later': () => says({ thisUpdate: 3600, nextUpdate: 7200 }),
      'without an end': () => says({ nextUpdate: undefined }),
      'a critical extension': () => says({ critical: true }),
      'no signature': () => {
        const bytes = says({})
        bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
        return bytes
      },
    }
    for (const [why, answer] of Object.entries(hostile)) {
      ocsp.answer = answer
      await mustBeUndetermined(why)
    }
    // None of them was kept.
    ocsp.answer = (request) => says({ nonce: nonceOf(request) })
    await mustPass()
  })

  it('accepts responses of a delegate of the issuer, named by its name or its key', async () => {
    const delegate = issue({ commonName: 'OCSP', issuer: root, usages: [ocspSigning] })
    for (const byKey of [true, false]) {
      const one = issue({ commonName: 'dora', issuer: root })
      ocsp.answer = () => says({ serial: one.serial, signer: delegate, certificates: [delegate], byKey })
      await mustPass(one)
    }
    const one = issue({ commonName: 'dora', issuer: root })
    ocsp.answer = () => says({ serial: one.serial, byKey: true, certificates: [root] })
    await mustPass(one)
  })

  it('refuses malformed responses, and redirects', async () => {
    const garbage: Readonly<Record<string, OcspServer['answer']>> = {
      nothing: () => Buffer.alloc(0),
      text: () => Buffer.from('{"good":true}'),
      'only a status': () => wrapped(0),
      'try later': () => wrapped(3),
      unauthorized: () => wrapped(6),
      'no basic response': () => wrapped(0, Buffer.from('0500', 'hex')),
      'cut off': () => says({}).subarray(0, 100),
      'too long': () => Buffer.alloc(10 * 1024 * 1024, 0x30),
      deep: () => Buffer.alloc(60_000, Buffer.from('3080', 'hex')),
      'a server error': (_, response) => void response.writeHead(500).end(says({})),
      'a redirect': (_, response) => void response.writeHead(307, { location: ocsp.url }).end(),
      compressed: (_, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(says({})),
    }
    for (const [why, answer] of Object.entries(garbage)) {
      ocsp.answer = answer
      ocsp.requests.length = 0
      await mustBeUndetermined(why)
      expect(ocsp.requests, why).to.have.length(1)
    }
  })

  it('waits 5 seconds for a silent server, others log in meanwhile, and logins with one certificate ask once', async () => {
    ocsp.answer = () => undefined
    const waiting = Promise.all([mustBeUndetermined(), mustBeUndetermined()])
    while (ocsp.requests.length === 0) await new Promise((resolve) => setImmediate(resolve))
    const reply = await server.call('POST', 'auth/userpass/login/anna', { password: 'right' }, agentOf(), '')
    expect(reply.status).to.equal(200)
    await clock.advanceUntil(waiting)
    expect(ocsp.requests).to.have.length(1)
  })

  it('ocsp_fail_open lets clients in without a status, never revoked ones', async () => {
    await role({ ocsp_fail_open: true })
    ocsp.answer = () => wrapped(3)
    await mustPass()
    ocsp.answer = () => says({ status: 'unknown' })
    await mustPass()
    ocsp.answer = () => says({ status: 'revoked' })
    await mustBeRevoked()
  })

  it('asks several servers in their order, the next when one gives no status', async () => {
    const second = await ocspServer(() => says({ status: 'revoked' }))
    await role({ ocsp_servers_override: [ocsp.url, second.url] })
    await mustPass()
    expect(second.requests).to.have.length(0)
    const down = await ocspServer(() => wrapped(2))
    await role({ ocsp_servers_override: [down.url, second.url] })
    await mustBeRevoked()
  })

  it('asks the next server when one does not know the certificate', async () => {
    const second = await ocspServer(() => says({ status: 'revoked' }))
    await role({ ocsp_servers_override: [ocsp.url, second.url], ocsp_fail_open: true })
    ocsp.answer = () => says({ status: 'unknown' })
    await mustBeRevoked()
    second.answer = () => says({ serial: bert.serial })
    ocsp.answer = () => says({ serial: bert.serial, status: 'unknown' })
    await mustPass(bert)
  })

  it('ocsp_query_all_servers: one revokes, and all have to say good', async () => {
    const second = await ocspServer(() => says({}))
    const both = { ocsp_servers_override: [ocsp.url, second.url], ocsp_query_all_servers: true }
    await role(both)
    second.answer = () => wrapped(3)
    await mustBeUndetermined()
    second.answer = () => says({ status: 'unknown' })
    await mustBeRevoked()
    second.answer = () => says({})
    await mustPass()
    await role({ ...both, ocsp_servers_override: [second.url, ocsp.url] })
    ocsp.answer = () => says({ status: 'revoked' })
    await mustBeRevoked()
    ocsp.answer = () => wrapped(3)
    second.answer = () => says({ status: 'revoked' })
    await role({ ...both, ocsp_servers_override: [ocsp.url, ocsp.url, second.url], ocsp_fail_open: true })
    await mustBeRevoked()
  })

  it('the servers that a certificate names are asked, unless they are of this machine or its link', async function () {
    const [address] = Object.values(networkInterfaces()).flatMap((all = []) => all.filter(({ family, internal }) => family === 'IPv4' && !internal)) // prettier-ignore
    await role({ ocsp_servers_override: [] })
    const naming = (...urls: readonly string[]) =>
      issue({ commonName: 'n', issuer: root, extensions: [ocspServers(...urls)] })
    const port = new URL(ocsp.url).port
    for (const host of ['127.0.0.1', 'localhost', '[::1]', '[::ffff:127.0.0.1]', '0.0.0.0', '127.1', '2130706433'])
      expect((await login(naming(`http://${host}:${port}/`))).body, host).to.deep.equal({ errors: [undetermined] })
    for (const url of [
      'ldap://x',
      'file:///etc/passwd',
      `http://user:pass@127.0.0.1:${port}/`,
      'http://169.254.169.254/latest',
    ])
      expect((await login(naming(url))).body, url).to.deep.equal({ errors: [undetermined] })
    await mustBeUndetermined('a certificate that names none')
    expect(ocsp.requests).to.have.length(0)
    // One that no path leads to is not asked about at all.
    const named = await ocspServer(() => undefined, address?.address)
    const stranger = issue({ commonName: 'n', issuer: other, extensions: [ocspServers(named.url)] })
    expect((await login(stranger)).status).to.equal(400)
    expect(named.requests).to.have.length(0)
    if (!address) leaveOut(this, 'this machine has only loopback addresses')
    const known = naming(named.url)
    named.answer = () => says({ serial: known.serial })
    await mustPass(known)
    expect(named.requests).to.have.length(1)
  })

  it('asks again at a renewal, and a revocation list counts as well', async () => {
    ocsp.answer = () => says({ nextUpdate: 1 })
    const { body } = await login()
    const token = String((body['auth'] as Body)['client_token'])
    const renew = async () => server.call('POST', 'auth/token/renew-self', {}, agentOf(client), token)
    expect((await renew()).status).to.equal(200)
    clock.advance(60_000)
    ocsp.answer = () => says({ status: 'revoked' })
    expect((await renew()).status).to.equal(400)
    await server.call('POST', 'auth/cert/crls/one', { crl: revocationList(root, [bert.serial]) })
    ocsp.answer = () => says({ serial: bert.serial })
    await mustBeRevoked(bert)
  })

  it('asks the issuer of a single trusted certificate, which has to be there', async () => {
    expect((await role({ certificate: client.cert }, 'one')).status).to.equal(400)
    expect((await role({ certificate: client.cert + other.cert }, 'one')).status).to.equal(400)
    await server.call('DELETE', 'auth/cert/certs/web')
    expect((await role({ certificate: client.cert + other.cert + root.cert }, 'one')).status).to.equal(204)
    await mustPass()
    expect(ocsp.requests).to.have.length(1)
  })

  it('a response counts for nothing when the key of the issuer is weak', async () => {
    const key = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey
    const weak = issue({ commonName: 'Weak', isAuthority: true, key })
    const one = issue({ commonName: 'emil', issuer: weak, usages: [usage.client] })
    await server.call('DELETE', 'auth/cert/certs/web')
    expect((await role({ certificate: one.cert + weak.cert }, 'one')).status).to.equal(204)
    ocsp.answer = () => says({ issuer: weak, serial: one.serial })
    expect((await login(one)).body).to.deep.equal({ errors: [undetermined] })
    expect(ocsp.requests).to.have.length(1)
  })

  it('asks once for a login, however many roles have the same servers', async () => {
    ocsp.answer = () => wrapped(3)
    for (const name of ['a', 'b', 'c']) await role({}, name)
    await role({ ocsp_fail_open: true }, 'z')
    await mustPass()
    expect(ocsp.requests).to.have.length(1)
  })

  it('waits 5 seconds for a login at most, however many roles have servers of their own that are silent', async () => {
    // From the first question on: the clock runs fast, also while the connection is made.
    let began: number | undefined
    for (const name of ['a', 'b', 'web']) {
      const silent = await ocspServer(() => void (began ??= clock.now()))
      await role({ ocsp_servers_override: [silent.url] }, name)
    }
    await clock.advanceUntil(mustBeUndetermined())
    expect(clock.now() - (began ?? 0)).to.be.lessThan(8000)
  })

  it('ocsp_fail_open does not apply while slow servers of another role took the time; the next login has the status', async () => {
    const silent = await ocspServer(() => {})
    await role({ ocsp_servers_override: [silent.url] }, 'a')
    await role({ ocsp_fail_open: true })
    ocsp.answer = () => says({ status: 'revoked' })
    await clock.advanceUntil(mustBeUndetermined())
    await clock.advanceUntil(mustBeUndetermined())
    expect(ocsp.requests).to.have.length(1)
    await role({}, 'a')
    await mustBeRevoked()
    expect(ocsp.requests).to.have.length(1)
  })

  it('a role without OCSP accepts a client without a status in another role', async () => {
    ocsp.answer = () => wrapped(3)
    await role({ ocsp_enabled: false }, 'without')
    await mustPass()
  })

  it('refuses settings that cannot be used, and changes nothing', async () => {
    const read = async () => (await server.call('GET', 'auth/cert/certs/web')).body['data']
    const old = await read()
    for (const bad of [
      { ocsp_servers_override: ['ldap://x'] },
      { ocsp_servers_override: ['http://169.254.169.254/'] },
      { ocsp_servers_override: ['http://[::ffff:169.254.169.254]/'] },
      { ocsp_servers_override: Array.from({ length: 5 }, (_, at) => `http://s${at}/`) },
      { ocsp_servers_override: ['http://user:pass@x/'] },
      { ocsp_servers_override: ['http://x/#y'] },
      { ocsp_servers_override: '' },
      { ocsp_servers_override: [`http://x/${'y'.repeat(3000)}`] },
      { ocsp_ca_certificates: 'x' },
      { ocsp_enabled: 'x' },
    ])
      // prettier-ignore
      expect((await role(bad)).status, JSON.stringify(bad)).to.equal(400)
    expect(await read()).to.deep.equal(old)
    for (const size of [-1, 0, 1, 100_001, 'x'])
      expect((await server.call('POST', 'auth/cert/config', { ocsp_cache_size: size })).status).to.equal(400)
    expect((await server.call('POST', 'auth/cert/config', { ocsp_cache_size: 500 })).status).to.equal(204)
    await mustPass()
  })

  // The last one: it moves the clock beyond the other responses.
  it('keeps a status until its nextUpdate, and never longer than a day', async () => {
    ocsp.answer = () => says({ nextUpdate: 7200 })
    await mustPass()
    await mustPass()
    clock.advance(7000_000)
    await mustPass()
    expect(ocsp.requests).to.have.length(1)
    clock.advance(600_000)
    ocsp.answer = () => says({ status: 'revoked', nextUpdate: week })
    await mustBeRevoked()
    clock.advance(23 * 3600_000)
    await mustBeRevoked()
    expect(ocsp.requests).to.have.length(2)
    clock.advance(2 * 3600_000)
    await mustBeRevoked()
    expect(ocsp.requests).to.have.length(3)
    // Nobody gets in by waiting until the status has ended, and then keeping the server from answering.
    await role({ ocsp_fail_open: true })
    for (const answer of [
      () => wrapped(3),
      () => says({ status: 'unknown', thisUpdate: 25 * 3600, nextUpdate: week }),
    ]) {
      clock.advance(25 * 3600_000)
      ocsp.answer = answer
      await mustBeRevoked()
    }
    clock.advance(25 * 3600_000)
    ocsp.answer = () => undefined
    await clock.advanceUntil(mustBeRevoked())
    expect(ocsp.requests).to.have.length(6)
  })
})
