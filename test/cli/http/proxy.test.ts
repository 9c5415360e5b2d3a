import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { request as forward } from 'node:http'
import { createServer as createSecure } from 'node:https'
import { connect } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { expect } from 'chai'
import { Environment } from '../../../src/cli/framework/env.ts'
import { proxyChoice } from '../../../src/cli/http/proxy.ts'
import { certificateFiles } from '../../support/certificate.ts'
import type { Certificate } from '../../support/certificate.ts'
import { Shell } from '../support.ts'
import type { Outcome } from '../support.ts'

interface Asked {
  readonly line: string
  readonly headers: IncomingHttpHeaders
}

/** A proxy (RFC 9110 §9.3.6, RFC 9112 §3.2.2) that leads every name to one port of this machine, and notes what it is asked. */
class TestProxy {
  readonly asked: Asked[] = []
  /** Refuses everything with this status. */
  refuses = 0
  readonly #server
  readonly #sockets = new Set<Socket>()

  constructor(port: number, secure?: Certificate) {
    const pass = (request: IncomingMessage, response: ServerResponse): void => {
      this.#note(request)
      if (this.refuses) return void response.writeHead(this.refuses).end('no')
      const { pathname, search } = new URL(request.url as string)
      const options = { port, host: '127.0.0.1', method: request.method as string, path: pathname + search }
      request.pipe(
        forward({ ...options, headers: request.headers }, (answer) => {
          response.writeHead(answer.statusCode as number, answer.headers)
          answer.pipe(response)
        }),
      )
    }
    const files = secure && { cert: readFileSync(secure.cert), key: readFileSync(secure.key) }
    this.#server = files ? createSecure(files, pass) : createServer(pass)
    this.#server.on('connect', (request: IncomingMessage, socket: Socket) => {
      this.#note(request)
      this.#hold(socket)
      if (this.refuses) return void socket.end(`HTTP/1.1 ${this.refuses} No\r\n\r\n`)
      const there = connect(port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
        there.pipe(socket).pipe(there)
      })
      this.#hold(there)
    })
  }

  async listen(): Promise<string> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done))
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
    for (const socket of this.#sockets) socket.destroy()
  }

  #note({ method, url, headers }: IncomingMessage): void {
    this.asked.push({ line: `${method} ${url}`, headers })
  }

  #hold(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => {})
  }
}

describe('the command line behind a proxy', () => {
  const certificate = certificateFiles({ name: 'server.example', addresses: ['192.0.2.7'] })
  const ofProxy = certificateFiles({ name: 'proxy.example' })
  const seen: Asked[] = []
  const answer = ({ method, url, headers }: IncomingMessage, response: ServerResponse): void => {
    seen.push({ line: `${method} ${url}`, headers })
    response.end('{"data":{"x":1}}')
  }
  const plain = createServer(answer)
  const secure = createSecure({ cert: readFileSync(certificate.cert), key: readFileSync(certificate.key) }, answer)
  const proxies: TestProxy[] = []
  const portOf = (server: typeof plain | typeof secure): number => (server.address() as AddressInfo).port

  before(async () => {
    for (const server of [plain, secure]) await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  })
  beforeEach(() => seen.splice(0))
  afterEach(() => proxies.splice(0).forEach((proxy) => proxy.close()))
  after(() => {
    for (const server of [plain, secure]) {
      server.close()
      server.closeAllConnections()
    }
  })

  async function proxyTo(port: number, tls?: Certificate): Promise<{ proxy: TestProxy; at: string }> {
    const proxy = new TestProxy(port, tls)
    proxies.push(proxy)
    return { proxy, at: await proxy.listen() }
  }
  const read = async (env: Readonly<Record<string, string>>): Promise<Outcome> =>
    new Shell({ VAULT_TOKEN: 'root', VAULT_MAX_RETRIES: '0', VAULT_CACERT: certificate.cert, ...env }).run(
      'read -field=x a',
    )
  const https = 'https://server.example:8200'

  it('goes to https through CONNECT: the proxy sees the name of the server and nothing else', async () => {
    const { proxy, at } = await proxyTo(portOf(secure))
    for (const variable of [
      'HTTPS_PROXY',
      'https_proxy',
      'VAULT_HTTP_PROXY',
      'BAO_PROXY_ADDR',
      'STRONGROOM_HTTP_PROXY',
    ])
      expect(await read({ VAULT_ADDR: https, [variable]: `http://${at}` }), variable).to.include({ code: 0, out: '1' })
    expect(proxy.asked.map(({ line }) => line)).to.deep.equal(Array(5).fill('CONNECT server.example:8200'))
    for (const { headers } of proxy.asked) expect(headers).to.have.keys('host', 'connection')
    expect(seen[0]).to.deep.include({ line: 'GET /v1/a' })
    expect(seen[0]?.headers).to.include({ host: 'server.example:8200', 'x-vault-token': 'root' })
  })

  it('names the port of https where none is written, and an address without a name', async () => {
    const { proxy, at } = await proxyTo(portOf(secure))
    expect((await read({ VAULT_ADDR: 'https://server.example', HTTPS_PROXY: at })).out).to.equal('1')
    expect((await read({ VAULT_ADDR: 'https://192.0.2.7:8200', HTTPS_PROXY: at })).out).to.equal('1')
    expect(proxy.asked.map(({ line }) => line)).to.deep.equal(['CONNECT server.example:443', 'CONNECT 192.0.2.7:8200'])
    expect(seen[0]?.headers.host).to.equal('server.example')
  })

  it('checks the certificate against the name of the server, not of the proxy', async () => {
    const { at } = await proxyTo(portOf(secure))
    for (const address of ['https://other.example:8200', `https://192.0.2.8:8200`]) {
      const { code, err } = await read({ VAULT_ADDR: address, HTTPS_PROXY: at })
      expect(code).to.equal(2)
      expect(err).to.include(`the certificate of ${address} is not valid for`)
    }
    const unknown = await read({ VAULT_ADDR: https, HTTPS_PROXY: at, VAULT_CACERT: '' })
    expect(unknown.err).to.include('is not trusted')
    expect(seen, 'nothing was sent').to.have.length(0)
    const named = { VAULT_ADDR: 'https://other.example:8200', VAULT_TLS_SERVER_NAME: 'server.example', HTTPS_PROXY: at }
    expect((await read(named)).out).to.equal('1')
  })

  it('goes to http by asking the proxy for the whole address', async () => {
    const { proxy, at } = await proxyTo(portOf(plain))
    const env = { VAULT_ADDR: 'http://server.example:8200', HTTP_PROXY: `http://ann:p%40ss@${at}` }
    expect(await read(env)).to.include({ code: 0, out: '1' })
    expect(proxy.asked.map(({ line }) => line)).to.deep.equal(['GET http://server.example:8200/v1/a'])
    expect(proxy.asked[0]?.headers).to.include({
      host: 'server.example:8200',
      'proxy-authorization': `Basic ${Buffer.from('ann:p@ss').toString('base64')}`,
      'x-vault-token': 'root',
    })
  })

  it('shows name and password to the proxy only, and in no error', async () => {
    const { proxy, at } = await proxyTo(portOf(secure))
    const env = { VAULT_ADDR: https, HTTPS_PROXY: `http://ann:hush@${at}` }
    expect(await read(env)).to.include({ code: 0, out: '1' })
    expect(proxy.asked[0]?.headers).to.include({
      'proxy-authorization': `Basic ${Buffer.from('ann:hush').toString('base64')}`,
    })
    expect(seen[0]?.headers).not.to.have.property('proxy-authorization')
    const errors: Outcome[] = []
    for (const status of [407, 403, 502]) {
      proxy.refuses = status
      errors.push(await read(env))
      expect(errors.at(-1)?.err).to.include(`the proxy http://${at} refused`).and.include(`${status}`)
    }
    proxy.refuses = 407
    errors.push(await read({ VAULT_ADDR: 'http://server.example', HTTP_PROXY: env.HTTPS_PROXY }))
    errors.push(await read({ ...env, HTTPS_PROXY: 'http://ann:hush@127.0.0.1:1' }))
    expect(errors.at(-1)?.err).to.include('the proxy http://127.0.0.1:1 cannot be reached: ECONNREFUSED')
    errors.push(await read({ ...env, HTTPS_PROXY: 'http://ann:hush@127.0.0.1:99999' }))
    errors.push(await read({ ...env, HTTPS_PROXY: 'socks5://ann:hush@127.0.0.1:1' }))
    expect(errors.at(-1)?.err).to.match(/HTTPS_PROXY names a SOCKS proxy.*\n {2}next: name an HTTP proxy.*ssh -L/)
    for (const scheme of ['socks', 'socks4', 'SOCKS5h'])
      expect((await read({ ...env, VAULT_PROXY_ADDR: `${scheme}://127.0.0.1:1` })).err).to.include(
        'VAULT_PROXY_ADDR names a SOCKS proxy',
      )
    for (const { code, out, err } of errors) {
      expect([code, out]).to.deep.equal([2, ''])
      expect(err).to.match(/^[^\n]+\n {2}next: [^\n]+\n$/)
      expect(err).to.not.match(/hush|\bann\b|aHVzaA|root/)
    }
    expect(seen).to.have.length(1)
  })

  it('talks TLS to a proxy that wants it, and checks its certificate', async () => {
    const both = certificateFiles({ name: 'localhost' })
    const other = createSecure({ cert: readFileSync(both.cert), key: readFileSync(both.key) }, answer)
    await new Promise<void>((done) => other.listen(0, '127.0.0.1', done))
    try {
      const { proxy, at } = await proxyTo(portOf(other), both)
      const env = { VAULT_ADDR: 'https://localhost:8200', VAULT_HTTP_PROXY: `https://${at}`, VAULT_CACERT: both.cert }
      expect(await read(env)).to.include({ code: 0, out: '1' })
      expect(proxy.asked.map(({ line }) => line)).to.deep.equal(['CONNECT localhost:8200'])
      const wrong = await proxyTo(portOf(other), ofProxy)
      const { code, err } = await read({ ...env, VAULT_HTTP_PROXY: `https://${wrong.at}` })
      expect([code, wrong.proxy.asked]).to.deep.equal([2, []])
      expect(err).to.include('the proxy https://')
    } finally {
      other.close()
      other.closeAllConnections()
    }
  })

  it('goes straight to this machine and to the addresses in NO_PROXY, unless VAULT_HTTP_PROXY is set', async () => {
    const { proxy, at } = await proxyTo(portOf(plain))
    const address = `http://127.0.0.1:${portOf(plain)}`
    expect((await read({ VAULT_ADDR: address, HTTP_PROXY: at })).out).to.equal('1')
    expect(proxy.asked).to.have.length(0)
    expect((await read({ VAULT_ADDR: address, VAULT_HTTP_PROXY: at, NO_PROXY: '*' })).out).to.equal('1')
    expect(proxy.asked).to.have.length(1)
    expect((await read({ VAULT_ADDR: 'unix:///nowhere.sock', VAULT_HTTP_PROXY: at })).code).to.equal(2)
    expect(proxy.asked).to.have.length(1)
  })

  it('gives no response within its time, when the proxy says nothing', async () => {
    const silent = createServer()
    silent.on('connect', () => {})
    await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done))
    try {
      const { err } = await read({
        VAULT_ADDR: https,
        HTTPS_PROXY: `127.0.0.1:${portOf(silent)}`,
        VAULT_CLIENT_TIMEOUT: '1s',
      })
      expect(err).to.include('did not respond within 1 s')
    } finally {
      silent.close()
      silent.closeAllConnections()
    }
  })
})

describe('the choice of a proxy', () => {
  const chosen = (env: Readonly<Record<string, string>>, address: string): string =>
    proxyChoice(new Environment(env))(new URL(address))?.url.host ?? ''

  it('leaves out the addresses in NO_PROXY, as Go programs do', () => {
    const rows: readonly (readonly [list: string, host: string, isProxied: boolean])[] = [
      ['', 'a.example', true],
      ['*', 'a.example', false],
      ['other, *', 'a.example', false],
      ['example', 'example', false],
      ['example', 'a.example', false],
      ['example', 'anexample', true],
      ['example', 'example.org', true],
      ['.example', 'a.example', false],
      ['.example', 'example', true],
      ['*.example', 'a.b.example', false],
      ['*.example', 'example', true],
      ['A.Example', 'a.example', false],
      ['x, a.example ,y', 'a.example', false],
      ['a.example:8200', 'a.example:8200', false],
      ['a.example:8200', 'a.example:8201', true],
      ['a.example:443', 'a.example', false],
      [':8200', 'a.example:8200', true],
      ['.', 'a.example', true],
      [',,', 'a.example', true],
      ['192.0.2.7', '192.0.2.7', false],
      ['192.0.2.7', '192.0.2.8', true],
      ['192.0.2.7:8200', '192.0.2.7:8200', false],
      ['192.0.2.7:8200', '192.0.2.7:1', true],
      ['192.0.2.0/24', '192.0.2.200', false],
      ['192.0.2.0/24', '192.0.3.1', true],
      ['2001:db8::1', '[2001:db8::1]', false],
      ['2001:db8:0::1', '[2001:db8::1]:8200', false],
      ['[2001:db8::1]:8200', '[2001:db8::1]:8200', false],
      ['[2001:db8::1]:8200', '[2001:db8::1]', true],
      ['2001:db8::/32', '[2001:db8:1::1]', false],
      ['2001:db8::/32', '[2001:db9::1]', true],
    ]
    for (const [list, host, isProxied] of rows)
      for (const name of ['NO_PROXY', 'no_proxy'])
        expect(chosen({ HTTPS_PROXY: 'p.example:3128', [name]: list }, `https://${host}`), `${list} ${host}`).to.equal(
          isProxied ? 'p.example:3128' : '',
        )
  })

  it('is by the scheme, never for this machine, and upper case goes first', () => {
    const env = { HTTP_PROXY: 'http://a:1', http_proxy: 'b:1', HTTPS_PROXY: 'http://c:1' }
    expect(chosen(env, 'http://x.example')).to.equal('a:1')
    expect(chosen(env, 'https://x.example')).to.equal('c:1')
    expect(chosen({ HTTP_PROXY: 'a:1' }, 'https://x.example')).to.equal('')
    for (const host of ['localhost', '127.0.0.1', '127.1.2.3', '[::1]', 'LOCALHOST:8200'])
      expect(chosen(env, `http://${host}`), host).to.equal('')
    expect(chosen({ ...env, VAULT_HTTP_PROXY: 'v:1' }, 'https://localhost')).to.equal('v:1')
    expect(chosen({ ...env, VAULT_HTTP_PROXY: 'v:1', VAULT_PROXY_ADDR: 'w:1' }, 'http://x.example')).to.equal('w:1')
    expect(chosen({ VAULT_HTTP_PROXY: 'v:1', BAO_HTTP_PROXY: 'o:1' }, 'http://x.example')).to.equal('o:1')
  })

  it('takes no HTTP_PROXY in a CGI program, where a stranger sets it', () => {
    const env = { REQUEST_METHOD: 'GET', HTTP_PROXY: 'evil:1' }
    expect(chosen(env, 'http://x.example')).to.equal('')
    expect(chosen({ ...env, http_proxy: 'good:1' }, 'http://x.example')).to.equal('good:1')
  })
})
