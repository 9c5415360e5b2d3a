import { expect } from 'chai'
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { certificate } from '../../support/certificate.ts'
import { HandClock } from '../../support/clock.ts'
import { LdapServer, ldapEntry, ldapResult } from '../../support/services/ldap-server.ts'
import type { LdapOptions } from '../../support/services/ldap-server.ts'
import { devServer } from '../../support/server.ts'
import type { Body, TestServer } from '../../support/server.ts'

const people = 'ou=people,dc=example,dc=org'
const dn = `uid=anna,${people}`

describe('servers of ldap logins', () => {
  const clock = new HandClock()
  const own = certificate()
  const servers: (LdapServer | Server)[] = []
  let server: TestServer
  before(async () => {
    server = await devServer(clock)
    await server.data('POST', 'sys/auth/ldap', { type: 'ldap' })
    await server.data('POST', 'sys/auth/userpass', { type: 'userpass' })
    await server.data('POST', 'auth/userpass/users/anna', { password: 'right' })
  })
  after(async () => server.running.stop())
  afterEach(async () => {
    for (const one of servers.splice(0))
      if (one instanceof LdapServer) await one.stop()
      else one.close()
    await server.data('DELETE', 'sys/auth/ldap')
    await server.data('POST', 'sys/auth/ldap', { type: 'ldap' })
  })

  const ldapServer = async (options: LdapOptions = {}) => {
    const ldap = await new LdapServer(options).start()
    ldap.add('cn=searcher', { userPassword: ['search'] })
    ldap.add(dn, { uid: ['anna'], userPassword: ['right'] })
    servers.push(ldap)
    return ldap
  }
  /** A server that does with a connection as it is told. */
  const rawServer = async (serve: (socket: Socket) => void) => {
    const raw = createServer((socket) => serve(socket.on('error', () => {})))
    servers.push(raw)
    await new Promise<void>((resolve) => raw.listen(0, '127.0.0.1', resolve))
    return `ldap://127.0.0.1:${(raw.address() as AddressInfo).port}`
  }
  const write = async (config: Body) =>
    server.call('POST', '/v1/auth/ldap/config', {
      binddn: 'cn=searcher',
      bindpass: 'search',
      userdn: people,
      userattr: 'uid',
      ...config,
    })
  const configure = async (config: Body) => {
    const { status, text } = await write(config)
    expect(status, text).to.equal(204)
  }
  const login = async (method = 'ldap') =>
    server.call('POST', `/v1/auth/${method}/login/anna`, { password: 'right' }, {})
  const unavailable = { errors: ['the LDAP server cannot be asked now: try again. See the server log for the reason'] }
  const mustFail = async () => {
    const { status, body } = await login()
    expect([status, body]).to.deep.equal([503, unavailable])
  }

  it('verifies the certificate of the server and its name, at once and after StartTLS', async () => {
    const other = certificate({ name: 'other.example.org', addresses: ['127.0.0.2'] })
    for (const isSecure of [true, false]) {
      const starttls = !isSecure
      const ldap = await ldapServer({ ...own, isSecure })
      await configure({ url: ldap.url, starttls, certificate: own.cert })
      expect((await login()).status).to.equal(200)
      expect(ldap.seen.filter(({ kind }) => kind !== 'starttls').every((one) => one.isSecure)).to.equal(true)
      await configure({ url: ldap.url, starttls, certificate: other.cert })
      await mustFail()
      const misnamed = await ldapServer({ ...other, isSecure })
      await configure({ url: misnamed.url, starttls, certificate: other.cert })
      await mustFail()
      expect(misnamed.seen.filter(({ kind }) => kind === 'bind')).to.deep.equal([])
      const ended = certificate({ ends: -60 })
      const late = await ldapServer({ ...ended, isSecure })
      await configure({ url: late.url, starttls, certificate: ended.cert })
      await mustFail()
    }
  })

  it('sends nothing in the clear to a server that does not do StartTLS, or that says more than its response', async () => {
    const without = await ldapServer()
    await configure({ url: without.url, starttls: true, certificate: own.cert })
    await mustFail()
    expect(without.seen.map(({ kind }) => kind)).to.deep.equal(['starttls'])
    const ldap = await ldapServer(own)
    ldap.override = (kind, id, socket) =>
      kind === 'starttls' && socket.write(Buffer.concat([ldapResult(id, 0x78, 0), ldapResult(2, 0x61, 0)]))
    await configure({ url: ldap.url, starttls: true, certificate: own.cert })
    await mustFail()
    // A server that ends the connection after StartTLS: the password goes on no other one.
    const closing = await ldapServer(own)
    closing.override = (kind, _, socket) => kind === 'bind' && Boolean(socket.destroy())
    await configure({ url: closing.url, starttls: true, certificate: own.cert })
    await mustFail()
    expect(closing.seen.filter(({ kind }) => kind === 'bind').every((one) => one.isSecure)).to.equal(true)
  })

  it('asks the servers in their order, the next when one cannot be reached', async () => {
    const [first, second] = [await ldapServer(), await ldapServer()]
    await configure({ url: [first.url, second.url] })
    expect((await login()).status).to.equal(200)
    expect([first.seen.length > 0, second.seen.length]).to.deep.equal([true, 0])
    await first.stop()
    expect((await login()).status).to.equal(200)
    expect(second.seen.length).to.be.greaterThan(0)
    await second.stop()
    servers.length = 0
    await mustFail()
    expect((await login('userpass')).status).to.equal(200)
  })

  it('gives up on a server that is silent, within its time, while others log in', async () => {
    const silent = await rawServer(() => {})
    await configure({ url: silent, request_timeout: 2 })
    const waiting = mustFail()
    expect((await login('userpass')).status).to.equal(200)
    await clock.advanceUntil(waiting)
    const half = await ldapServer()
    half.override = (kind, id, socket) =>
      kind === 'search' && socket.write(ldapEntry(id, dn, { uid: ['anna'] }).subarray(0, 9))
    await configure({ url: half.url })
    await clock.advanceUntil(mustFail())
  })

  it('refuses malformed, unrelated and endless responses', async () => {
    const garbage = [
      Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
      Buffer.from('3084ffffffff', 'hex'),
      Buffer.from('3080020102', 'hex'),
      Buffer.from('30030201', 'hex'),
      Buffer.from('300402010261', 'hex'),
      Buffer.from('300c02010261070a0100040004ff', 'hex'),
      ldapResult(3, 0x61, 0),
      ldapResult(2, 0x65, 0),
      ldapResult(0, 0x78, 52),
      Buffer.from('3005020102a100', 'hex'),
    ]
    for (const bytes of garbage) {
      const url = await rawServer((socket) => void socket.once('data', () => socket.end(bytes)))
      await configure({ url })
      const { status } = await login()
      expect(status, bytes.toString('hex')).to.equal(503)
    }
  })

  it('stops reading a response that is too large, without holding up others', async () => {
    const ldap = await ldapServer()
    const small = Buffer.concat(Array.from({ length: 4096 }, () => ldapEntry(3, 'x', {})))
    const many = (socket: Socket) => {
      const more = (): void => {
        while (!socket.destroyed && socket.write(small));
        if (!socket.destroyed) socket.once('drain', more)
      }
      more()
      return true
    }
    const huge = (socket: Socket) =>
      socket.write(Buffer.concat([Buffer.from('3083ffffff', 'hex'), Buffer.alloc(100_000)]))
    for (const flood of [many, huge]) {
      ldap.override = (kind, _, socket) => kind === 'search' && (flood(socket) || true)
      await configure({ url: ldap.url })
      let longest = 0
      let last = performance.now()
      const watch = setInterval(() => {
        longest = Math.max(longest, performance.now() - last)
        last = performance.now()
      }, 1)
      await mustFail()
      clearInterval(watch)
      expect(longest).to.be.lessThan(1000)
    }
  })

  it('follows no referral, neither as a result nor among the entries', async () => {
    const elsewhere = await ldapServer()
    const ldap = await ldapServer()
    ldap.override = (kind, id, socket) => kind === 'search' && socket.write(ldapResult(id, 0x65, 10))
    await configure({ url: ldap.url })
    await mustFail()
    expect(elsewhere.seen).to.deep.equal([])
    ldap.override = (kind, id, socket) => kind === 'bind' && id > 3 && socket.write(ldapResult(id, 0x61, 10))
    expect((await login()).status).to.equal(400)
  })

  it('takes a wrong account for a fault of the configuration, and counts no failure for it', async () => {
    const ldap = await ldapServer()
    await configure({ url: ldap.url, bindpass: 'wrong' })
    for (let at = 0; at < 8; at++) await mustFail()
    await configure({ bindpass: 'search' })
    expect((await login()).status).to.equal(200)
  })

  it('refuses a login when the configuration was changed while the directory was asked', async () => {
    const ldap = await ldapServer()
    await configure({ url: ldap.url })
    let changed: Promise<unknown> | undefined
    ldap.override = (kind, id, socket) => {
      if (kind !== 'search') return false
      changed = server.data('POST', 'auth/ldap/config', { token_ttl: 60 })
      void changed.then(() =>
        socket.write(Buffer.concat([ldapEntry(id, dn, { uid: ['anna'] }), ldapResult(id, 0x65, 0)])),
      )
      return true
    }
    const { status, body } = await login()
    await changed
    expect([status, body]).to.deep.equal([
      503,
      { errors: ['the configuration was changed during this login: try again'] },
    ])
  })

  it('lets a bounded number of logins wait for a slow server', async () => {
    let connections = 0
    const silent = await rawServer(() => void (connections += 1))
    await configure({ url: silent })
    const waiting = Array.from({ length: 64 }, async () => login())
    while (connections < 64) await new Promise((resolve) => setImmediate(resolve))
    expect((await login()).text).to.include('too many logins')
    await clock.advanceUntil(Promise.all(waiting))
    expect(connections).to.equal(64)
  })
})
