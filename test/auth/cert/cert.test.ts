import { once } from 'node:events'
import { connect } from 'node:tls'
import { expect } from 'chai'
import { general, issue, nameConstraints, revocationList, usage } from '../../support/pki.ts'
import type { Issued } from '../../support/pki.ts'
import type { Body, Reply } from '../../support/server.ts'
import { agentOf, tlsServer } from '../../support/processes/tls-server.ts'
import type { TlsServer } from '../../support/processes/tls-server.ts'

const authOf = (reply: Reply) => reply.body['auth'] as Readonly<Record<string, Readonly<Record<string, string>>>>
const errorOf = (reply: Reply): string => (reply.body['errors'] as readonly string[] | undefined)?.[0] ?? reply.text
const textOf = (reply: Reply, name: 'client_token' | 'entity_id'): string =>
  (reply.body['auth'] as Readonly<Record<string, string>>)[name] ?? ''

const root = issue({ commonName: 'Root', isAuthority: true })
const client = issue({ commonName: 'anna', issuer: root, usages: [usage.client] })

describe('auth/cert', () => {
  let server: TlsServer
  const role = async (name: string, body: Body): Promise<Reply> => server.call('POST', `auth/cert/certs/${name}`, body)
  const refusedFor = async (one: Issued, why: RegExp, between: readonly Issued[] = []): Promise<void> => {
    const reply = await server.login(one, {}, between)
    expect([reply.status, errorOf(reply)]).to.satisfy(
      ([status, text]: [number, string]) => status === 400 && why.test(text),
      reply.text,
    )
  }

  before(async () => {
    server = await tlsServer()
    await server.call('POST', 'sys/auth/cert', { type: 'cert' })
  })
  after(async () => server.running.stop())
  beforeEach(async () => {
    for (const kind of ['certs', 'crls']) {
      const { body } = await server.call('LIST', `auth/cert/${kind}`)
      for (const name of ((body['data'] as Body | undefined)?.['keys'] ?? []) as readonly string[])
        await server.call('DELETE', `auth/cert/${kind}/${name}`)
    }
    await server.call('POST', 'auth/cert/config', { disable_binding: false, enable_identity_alias_metadata: false })
    expect((await role('web', { certificate: root.cert, token_policies: 'p' })).status).to.equal(204)
  })

  it('a client of a trusted authority gets a token, and its common name is the name of its entity', async () => {
    const reply = await server.login(client)
    expect(reply.status).to.equal(200)
    expect(authOf(reply)).to.deep.include({ policies: ['default', 'p'] })
    expect(authOf(reply)['metadata']).to.deep.equal({
      cert_name: 'web',
      common_name: 'anna',
      serial_number: String(BigInt(`0x${client.serial.toString('hex')}`)),
      subject_key_id: '0a:1b',
      authority_key_id: '',
    })
    const { body } = await server.call('GET', `identity/entity/id/${textOf(reply, 'entity_id')}`)
    expect(((body['data'] as Body)['aliases'] as readonly Body[])[0]).to.deep.include({ name: 'anna', metadata: null })
  })

  it('enable_identity_alias_metadata stores the metadata with the alias', async () => {
    await server.call('POST', 'auth/cert/config', { enable_identity_alias_metadata: true })
    const reply = await server.login(issue({ commonName: 'meta', issuer: root }))
    const { body } = await server.call('GET', `identity/entity/id/${textOf(reply, 'entity_id')}`)
    expect(((body['data'] as Body)['aliases'] as readonly Body[])[0]?.['metadata']).to.deep.include({
      cert_name: 'web',
    })
  })

  it('refuses a login without a certificate', async () => {
    const reply = await server.call('POST', 'auth/cert/login', {}, agentOf(), '')
    expect([reply.status, errorOf(reply)]).to.deep.equal([400, 'no client certificate found'])
  })

  it('0.7.3: expired, not yet valid, for servers, of another authority: refused with the reason', async () => {
    await refusedFor(issue({ commonName: 'a', issuer: root, ends: -60 }), /expired/)
    await refusedFor(issue({ commonName: 'a', issuer: root, begins: 600 }), /not valid yet/)
    await refusedFor(issue({ commonName: 'a', issuer: root, usages: [usage.server] }), /not for TLS clients/)
    await refusedFor(
      issue({
        commonName: 'a',
        issuer: root,
        extensions: [{ id: '2a030405', value: Buffer.from('0500', 'hex'), critical: true }],
      }),
      /critical extension/,
    )
    await refusedFor(issue({ commonName: 'anna' }), /^invalid certificate/)
    const other = issue({ commonName: 'Root', isAuthority: true })
    await refusedFor(issue({ commonName: 'anna', issuer: other }), /^invalid certificate/)
    await refusedFor(issue({ commonName: 'anna', issuer: other }), /^invalid certificate/, [other])
  })

  it('the client sends intermediate certificates; without them there is no path', async () => {
    const between = issue({ commonName: 'Between', issuer: root, isAuthority: true })
    const leaf = issue({ commonName: 'anna', issuer: between })
    await refusedFor(leaf, /^invalid certificate/)
    expect((await server.login(leaf, {}, [between])).status).to.equal(200)
    await role('web', { certificate: between.cert })
    expect((await server.login(leaf)).status).to.equal(200)
  })

  it('an intermediate certificate has to be one of an authority, and valid for clients', async () => {
    for (const [wanted, why] of [
      [{ isAuthority: false }, /not an authority/],
      [{ isAuthority: true, ends: -60 }, /above it.*expired/],
      [{ isAuthority: true, usages: [usage.server] }, /above it.*not for TLS clients/],
    ] as const) {
      const between = issue({ commonName: 'Between', issuer: root, ...wanted })
      await refusedFor(issue({ commonName: 'anna', issuer: between }), why, [between])
    }
  })

  it('the path length of an authority limits the authorities below it', async () => {
    const short = issue({ commonName: 'Short', isAuthority: true, pathLength: 0 })
    await role('web', { certificate: short.cert })
    expect((await server.login(issue({ commonName: 'anna', issuer: short }))).status).to.equal(200)
    const between = issue({ commonName: 'Between', issuer: short, isAuthority: true })
    await refusedFor(issue({ commonName: 'anna', issuer: between }), /path length/, [between])
  })

  it('name constraints of an authority: DNS, email, URI, and a common name that looks like a host', async () => {
    const constrained = issue({
      commonName: 'Constrained',
      isAuthority: true,
      extensions: [
        nameConstraints(
          [general.dns('a.example'), general.email('a.example'), general.uri('a.example')],
          [general.dns('no.a.example')],
        ),
      ],
    })
    await role('web', { certificate: constrained.cert })
    const of = (more: object): Issued => issue({ commonName: 'anna', issuer: constrained, ...more })
    for (const good of [
      {},
      { dns: ['x.a.example', 'A.example'] },
      { email: ['x@a.example'] },
      { uri: ['spiffe://a.example/x'] },
    ])
      expect((await server.login(of(good))).status, JSON.stringify(good)).to.equal(200)
    for (const bad of [
      { dns: ['x.a.example', 'b.example'] },
      { dns: ['no.a.example'] },
      { dns: ['x.no.a.example'] },
      { dns: ['*.a.example'] },
      { dns: ['ba.example'] },
      { email: ['x@b.example'] },
      { email: ['x@y.a.example'] },
      { uri: ['spiffe://b.example/x'] },
      { uri: ['spiffe:a.example'] },
      { commonName: 'b.example' },
    ])
      await refusedFor(of(bad), /name constraints/)
  })

  it('unknown name constraints permit nothing', async () => {
    const strange = issue({
      commonName: 'Strange',
      isAuthority: true,
      extensions: [nameConstraints([], [general.directory('Root')])],
    })
    await role('web', { certificate: strange.cert })
    await refusedFor(issue({ commonName: 'anna', issuer: strange }), /name constraints/)
  })

  it('the restrictions of a role', async () => {
    const one = issue({
      commonName: 'anna.example',
      units: ['eng', 'ops'],
      dns: ['web.example'],
      email: ['anna@example'],
      uri: ['spiffe://example/billing'],
      issuer: root,
      extensions: [{ id: '2a0304', value: Buffer.concat([Buffer.from([0x0c, 3]), Buffer.from('red')]) }],
    })
    for (const [name, good, bad] of [
      ['allowed_common_names', 'anna.*', 'web.example'],
      ['allowed_dns_sans', '*.example', 'anna.example'],
      ['allowed_email_sans', '*@example', 'web.example'],
      ['allowed_uri_sans', 'spiffe://example/*', 'spiffe://example'],
      ['allowed_organizational_units', 'ops', 'Eng'],
      ['allowed_names', 'anna@example', 'spiffe://example/billing'],
      ['required_extensions', '1.2.3.4:r*', '1.2.3.4:blue'],
    ] as const) {
      await server.call('DELETE', 'auth/cert/certs/web')
      await role('web', {
        certificate: root.cert,
        [name]: [bad, good],
        ...(name === 'required_extensions' && { [name]: [good] }),
      })
      expect((await server.login(one)).status, name).to.equal(200)
      await role('web', { [name]: [bad] })
      await refusedFor(one, /no chain matching all constraints/)
    }
    await server.call('DELETE', 'auth/cert/certs/web')
    await role('web', { certificate: root.cert, allowed_metadata_extensions: ['1.2.3.4', '1.2.3.9'] })
    expect(authOf(await server.login(one))['metadata'])
      .to.deep.include({ '1-2-3-4': 'red' })
      .and.not.have.property('1-2-3-9')
  })

  it('an X.509-SVID without a common name is known by its SPIFFE ID', async () => {
    await role('web', { allowed_uri_sans: ['spiffe://example/*'] })
    const reply = await server.login(issue({ issuer: root, uri: ['spiffe://example/pay'] }))
    const { body } = await server.call('GET', `identity/entity/id/${textOf(reply, 'entity_id')}`)
    expect(((body['data'] as Body)['aliases'] as readonly Body[])[0]).to.include({ name: 'spiffe://example/pay' })
    await role('web', { allowed_uri_sans: [] })
    await refusedFor(issue({ issuer: root }), /no common name/)
  })

  it('a named role is the only one that is tried', async () => {
    const other = issue({ commonName: 'Other', isAuthority: true })
    await role('apps', { certificate: other.cert })
    expect((await server.login(client, { name: 'WEB' })).status).to.equal(200)
    for (const name of ['apps', 'none', '../web'])
      expect((await server.login(client, { name })).status, name).to.equal(400)
  })

  it('CVE-2025-6037, CVE-2024-2048: another certificate with the key and serial number of the pinned one is refused', async () => {
    await server.call('DELETE', 'auth/cert/certs/web')
    const pinned = issue({ commonName: 'pinned' })
    expect((await role('pin', { certificate: pinned.cert })).status).to.equal(204)
    expect((await server.login(pinned)).status).to.equal(200)
    const { privateKey: key, serial } = pinned
    await refusedFor(issue({ commonName: 'admin', key, serial }), /^invalid certificate/)
    await refusedFor(issue({ commonName: 'pinned', key, serial, dns: ['x.example'] }), /^invalid certificate/)
    await refusedFor(issue({ commonName: 'pinned', issuer: pinned }), /^invalid certificate/, [pinned])
    await role('pin', { certificate: issue({ commonName: 'old', ends: -60, key }).cert })
    await refusedFor(issue({ commonName: 'old', ends: -60, key, serial }), /^invalid certificate/)
  })

  it('a revoked certificate, and one below a revoked authority, are refused; also by an expired list, and until it is removed', async () => {
    const between = issue({ commonName: 'Between', issuer: root, isAuthority: true })
    const leaf = issue({ commonName: 'leaf', issuer: between })
    await server.call('POST', 'auth/cert/crls/one', { crl: revocationList(root, [client.serial, between.serial], -60) })
    await refusedFor(client, /no chain matching/)
    await refusedFor(leaf, /no chain matching/, [between])
    expect((await server.login(issue({ commonName: 'bert', issuer: root }))).status).to.equal(200)
    await server.call('DELETE', 'auth/cert/crls/one')
    expect((await server.login(client)).status).to.equal(200)
  })

  it('CVE-2022-41316: after a restart, the first request with a revoked certificate is refused', async () => {
    await server.call('POST', 'auth/cert/crls/one', { crl: revocationList(root, [client.serial]) })
    server = await server.restarted()
    await refusedFor(client, /no chain matching/)
  })

  it('a list of 10,000 certificates does not hold the event loop', async () => {
    const serials = Array.from({ length: 10_000 }, (_, at) =>
      Buffer.from(`7f${at.toString(16).padStart(38, '0')}`, 'hex'),
    )
    const crl = revocationList(root, [...serials, client.serial])
    let longest = 0
    let last = performance.now()
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - last)
      last = performance.now()
    }, 1)
    expect((await server.call('POST', 'auth/cert/crls/big', { crl })).status).to.equal(204)
    await refusedFor(client, /no chain matching/)
    const { body } = await server.call('GET', 'auth/cert/crls/big')
    clearInterval(timer)
    expect(Object.keys((body['data'] as Body)['serials'] as Body)).to.have.length(10_001)
    // The client is in this process, too.
    expect(longest).to.be.lessThan(250)
  })

  it('CVE-2026-39388: a renewal needs the certificate of the login, unless disable_binding is set', async () => {
    const token = textOf(await server.login(client), 'client_token')
    const renew = async (one?: Issued): Promise<Reply> =>
      server.call('POST', 'auth/token/renew-self', {}, agentOf(one), token)
    expect((await renew(client)).status).to.equal(200)
    expect(errorOf(await renew())).to.equal('no client certificate found')
    const again = issue({ commonName: 'anna', issuer: root, key: client.privateKey })
    expect(errorOf(await renew(again))).to.match(/not matching/)
    await server.call('POST', 'auth/cert/crls/one', { crl: revocationList(root, [client.serial]) })
    expect((await renew(client)).status).to.equal(400)
    await server.call('POST', 'auth/cert/config', { disable_binding: true })
    expect((await renew()).status).to.equal(200)
    await role('web', { token_policies: 'other' })
    expect(errorOf(await renew())).to.match(/policies have changed/)
    await server.call('DELETE', 'auth/cert/certs/web')
    await role('web', { certificate: root.cert, token_policies: 'p' })
    expect(errorOf(await renew())).to.match(/is gone/)
  })

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const)
    it(`a resumed session has the certificates of its handshake, and no others: ${version}`, async () => {
      const between = issue({ commonName: 'Between', issuer: root, isAuthority: true })
      const leaf = issue({ commonName: 'leaf', issuer: between })
      let session: Buffer | undefined
      for (const isResumed of [false, true, true]) {
        const one = await overTls(server.port, version, session, { cert: leaf.cert + between.cert, key: leaf.key })
        expect([one.isResumed, one.text]).to.satisfy(
          ([resumed, text]: [boolean, string]) => resumed === isResumed && /"common_name":"leaf"/.test(text),
        )
        session = one.session
        expect((await overTls(server.port, version, undefined, {})).text).to.match(/no client certificate found/)
      }
    })

  it('keep-alive: connections of several clients keep their own certificates', async () => {
    const clients = ['a', 'b', 'c'].map((commonName) => issue({ commonName, issuer: root }))
    const agents = clients.map((one) => agentOf(one, [], { keepAlive: true, maxSockets: 1 }))
    for (let round = 0; round < 3; round++) {
      const replies = await Promise.all(
        agents.map(async (agent) => server.call('POST', 'auth/cert/login', {}, agent, '')),
      )
      expect(replies.map((reply) => authOf(reply)['metadata']?.['common_name'])).to.deep.equal(['a', 'b', 'c'])
    }
    for (const agent of agents) agent.destroy()
  })

  it('many intermediate certificates that all sign each other cost a bounded time', async () => {
    const key = root.privateKey
    const others = Array.from({ length: 20 }, () => issue({ commonName: 'Other', isAuthority: true, key }))
    const begun = performance.now()
    const reply = await server.login(issue({ commonName: 'anna', issuer: others[0] as Issued }), {}, others)
    expect(reply.status).to.equal(400)
    expect(performance.now() - begun).to.be.lessThan(2000)
  })

  it('refuses untrusted or unsupported certificates, and changes nothing then', async () => {
    for (const bad of [
      { certificate: '' },
      { certificate: 'nonsense' },
      { certificate: root.cert + client.cert },
      { certificate: issue({ commonName: 's', usages: [usage.server] }).cert },
      { ocsp_servers_override: ['http://169.254.169.254/'] },
      { required_extensions: ['1.2.3'] },
      { allowed_metadata_extensions: ['x'] },
      { allowed_common_names: '' },
    ])
      expect((await role('web', bad)).status, JSON.stringify(bad)).to.equal(400)
    for (const bad of [{}, { crl: 'x' }, { crl: root.cert }, { url: '' }, { url: 'http://127.0.0.1/crl' }])
      expect((await server.call('POST', 'auth/cert/crls/x', bad)).status, JSON.stringify(bad)).to.equal(400)
    expect((await server.login(client)).status).to.equal(200)
  })
})

/** A login on a connection of its own, which may resume a session. */
async function overTls(port: number, version: 'TLSv1.2' | 'TLSv1.3', session: Buffer | undefined, own: object) {
  const socket = connect({
    port,
    host: '127.0.0.1',
    minVersion: version,
    maxVersion: version,
    rejectUnauthorized: false,
    ...(session && { session }),
    ...own,
  })
  let [text, isResumed, next] = ['', false, session]
  socket.on('session', (made: Buffer) => (next = made))
  socket.on('secureConnect', () => {
    isResumed = socket.isSessionReused()
    socket.write('POST /v1/auth/cert/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}')
  })
  socket.on('data', (part: Buffer) => (text += part.toString()))
  await once(socket, 'close')
  return { text, isResumed, session: next }
}

describe('client certificates of a listener', () => {
  it('tls_disable_client_certs: none is asked for', async () => {
    const server = await tlsServer('tls_disable_client_certs = true')
    await server.call('POST', 'sys/auth/cert', { type: 'cert' })
    await server.call('POST', 'auth/cert/certs/web', { certificate: root.cert })
    expect(errorOf(await server.login(client))).to.equal('no client certificate found')
    await server.running.stop()
  })
})
