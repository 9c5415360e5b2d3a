import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { createServer as createSecure } from 'node:tls'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { certificate, certificateFiles } from '../support/certificate.ts'
import { temporaryFolder } from '../support/folder.ts'
import { TestServer } from '../support/server.ts'
import { startServer } from '../../src/server/start.ts'
import { Shell, scripted } from './support.ts'
import type { Outcome } from './support.ts'

const token = 'hvs.a-token-that-nobody-may-see'

/** One clear line, or two with what to do next; nothing of the program's inside, and never the token. */
function isClear({ code, out, err }: Outcome, status = 2): void {
  expect([code, out], err).to.deep.equal([status, ''])
  expect(err).to.match(/^[^\n]+\n( {2}next: [^\n]+\n)?$/)
  expect(err).to.not.match(/\bat .*\(|node:|\.js|undefined|\[object/)
  expect(err).to.not.include(token)
}

/** Runs `use` with the port of a raw TCP server that does `serve` with each connection. */
async function listening(
  server: Server,
  serve: (socket: Socket) => void,
  use: (port: number) => Promise<void>,
): Promise<void> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  server.on('tlsClientError', () => {})
  server.on(server.constructor === createServer().constructor ? 'connection' : 'secureConnection', serve)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    await use((server.address() as AddressInfo).port)
  } finally {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
}

const at = (address: string, more: Readonly<Record<string, string>> = {}): Shell =>
  new Shell({ VAULT_ADDR: address, VAULT_TOKEN: token, VAULT_CLIENT_TIMEOUT: '1s', VAULT_MAX_RETRIES: '0', ...more })

describe('a server that does not answer as it should', () => {
  const readA = async (script: (socket: Socket) => void, timeout = '1s'): Promise<Outcome> => {
    let outcome: Outcome | undefined
    await listening(createServer(), script, async (port) => {
      outcome = await at(`http://127.0.0.1:${port}`, { VAULT_CLIENT_TIMEOUT: timeout }).run('read a')
    })
    return outcome as Outcome
  }

  it('is not there, or nobody knows its name', async () => {
    isClear(await at('http://127.0.0.1:1').run('read a'))
    isClear(await at('http://no-such-host.invalid').run('read a'))
    isClear(await at('http://127.0.0.1:1').run('status'), 1)
  })

  it('says nothing, trickles for ever, or breaks off', async () => {
    isClear(await readA(() => {}))
    const timers: NodeJS.Timeout[] = []
    const trickle = await readA((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n')
      timers.push(setInterval(() => socket.write(' '), 50))
    })
    timers.forEach(clearInterval)
    expect(trickle.err).to.include('did not respond within 1 s')
    isClear(trickle)
    isClear(await readA((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"data":')))
    isClear(await readA((socket) => socket.destroy()))
  })

  it('does not speak HTTP', async () => {
    const { err, ...rest } = await readA((socket) => socket.end('220 mail.example ESMTP\r\n'))
    expect(err).to.include('does not speak HTTP')
    isClear({ err, ...rest })
  })

  it('answers with more than anybody can want', async () => {
    const outcome = await readA((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
      const chunk = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(0x100000, 32), Buffer.from('\r\n')])
      const more = (): void => {
        while (!socket.destroyed && socket.write(chunk));
        if (!socket.destroyed) socket.once('drain', more)
      }
      more()
    }, '30s')
    expect(outcome.err).to.include('longer than 64 MiB')
    isClear(outcome)
  })

  it('is a proxy with a page of its own: its words are shown on one line, and nothing that draws on the terminal', async () => {
    const page = `<html><head><style>b { color: red }</style></head>\n<body><h1>502 Bad\u001b[2J Gateway</h1>\n${'<p>x</p>'.repeat(9999)}`
    await scripted({ 'GET /v1/a': [{ status: 502, body: page }], 'GET /v1/b': [{ body: page }] }, async (shell) => {
      shell.env['VAULT_MAX_RETRIES'] = '0'
      for (const path of ['a', 'b']) {
        const { code, out, err } = await shell.run(`read ${path}`)
        expect([code, out]).to.deep.equal([2, ''])
        expect(err).to.match(
          /\n\n502 Bad\\u001b\[2J Gateway [x ]{10,300}…\n$|Raw Message:\n\n502 Bad\\u001b\[2J Gateway/,
        )
        expect(err.length).to.be.lessThan(600)
      }
      expect((await shell.run('write b x=1')).code, 'a page is no success').to.equal(2)
    })
  })

  it('a refusal without errors shows its code, and the warnings that say why', async () => {
    const body = { request_id: 'r', errors: undefined, warnings: ['Put data/ in it.'] }
    await scripted({ 'PUT /v1/a': [{ status: 404, body }] }, async (shell) => {
      const { code, err } = await shell.run('write a x=1')
      expect(code).to.equal(2)
      expect(err).to.match(/\nCode: 404\. Errors:\n\n\nWARNING!.*\n\n {2}\* Put data\/ in it\./)
      expect(err).not.to.include('request_id')
    })
  })

  it('a redirect that is not followed is no success', async () => {
    const to = (location: string) => [{ status: 307, headers: { location } }]
    const script = {
      'PUT /v1/loop': to('/v1/loop'),
      'PUT /v1/odd': to('javascript:alert(1)'),
      'PUT /v1/see': [{ status: 303, headers: { location: '/v1/x' } }],
      'PUT /v1/same': [{ status: 304 }],
      'PUT /v1/moved': [{ status: 308, headers: { location: '/v1/x' } }],
      'PUT /v1/x': [{ status: 204 }],
    }
    await scripted(script, async (shell) => {
      for (const path of ['loop', 'odd', 'see', 'same']) {
        const { code, out } = await shell.run(`write ${path} x=1`)
        expect([code, out], path).to.deep.equal([2, ''])
      }
      expect((await shell.run('write -disable-redirects moved x=1')).code).to.equal(2)
      expect((await shell.run('write moved x=1')).out).to.equal('Success! Data written to: moved\n')
    })
  })

  it('a path with dots goes nowhere: it would be another path on the wire', async () => {
    await scripted({}, async (shell, server) => {
      for (const path of ['a/../b', '..', './a', 'a/.'])
        expect((await shell.run(`read ${path}`)).code, path).to.equal(1)
      expect(server.seen).to.have.length(0)
      expect((await shell.run('read a/..b/.c')).code).to.equal(2)
    })
  })

  it('an address may have a path, and a password that is not shown', async () => {
    await scripted({ 'GET /vault/v1/a': [{ body: { data: { x: 1 } } }] }, async (shell, _, address) => {
      shell.env['VAULT_ADDR'] = `${address.replace('//', '//ann:hush@')}/vault/`
      expect((await shell.run('read -field=x a')).out).to.equal('1')
      expect((await shell.run('write b x=1')).err)
        .to.include(`URL: PUT ${address}/vault/v1/b`)
        .and.not.include('hush')
    })
  })
})

describe('the command line over a unix socket', () => {
  it('talks to the server that listens there, and names the error where none does', async () => {
    const folder = temporaryFolder()
    const socket = join(folder, 's.sock')
    const config = join(folder, 'unix.hcl')
    writeFileSync(config, `storage "inmem" {}\nlistener "unix" {\n  address = "${socket}"\n}\n`)
    const running = await startServer({ config: [config], log: () => {} })
    try {
      const { code, out } = await at(`unix://${socket}`).run('status')
      expect([code, /^Initialized +false$/m.test(out)]).to.deep.equal([2, true])
    } finally {
      await running.stop()
    }
    isClear(await at(`unix://${socket}`).run('read a'))
    isClear(await at('unix://relative').run('read a'))
  })
})

describe('the command line over TLS', () => {
  const files = certificateFiles()
  let server: TestServer
  before(async () => {
    const folder = temporaryFolder()
    const config = join(folder, 'tls.hcl')
    writeFileSync(
      config,
      `storage "inmem" {}
listener "tcp" {
  address = "127.0.0.1:0"
  tls_cert_file = "${files.cert}"
  tls_key_file = "${files.key}"
}
`,
    )
    server = new TestServer(await startServer({ config: [config], log: () => {} }), folder, config)
  })
  after(async () => server.running.stop())
  const secure = (more: Readonly<Record<string, string>> = {}): Shell => at(server.running.address, more)

  it('trusts the authority that it is given, by flag, folder or variable', async () => {
    expect(server.running.address).to.match(/^https:/)
    const folder = temporaryFolder()
    certificateFiles({}, join(folder))
    writeFileSync(join(folder, 'README'), 'no certificate')
    mkdirSync(join(folder, 'more'))
    const wrong = certificateFiles()
    for (const [line, env] of [
      [`status -ca-cert=${files.cert}`, {}],
      [`status -ca-path=${join(files.cert, '..')}`, {}],
      ['status', { VAULT_CACERT: files.cert }],
      ['status', { BAO_CACERT: files.cert, VAULT_CACERT: wrong.cert }],
      ['status', { VAULT_CACERT_BYTES: readFileSync(files.cert, 'utf8'), VAULT_CACERT: wrong.cert }],
      ['status -tls-skip-verify', {}],
      ['status', { STRONGROOM_SKIP_VERIFY: 'true' }],
      [`status -ca-cert=${files.cert} -address=${server.running.address.replace('127.0.0.1', 'localhost')}`, {}],
    ] as const)
      expect((await secure(env).run(line)).code, line).to.equal(2) // sealed, and no error
    for (const line of [
      'status',
      `status -ca-cert=${wrong.cert}`,
      `status -ca-path=${folder}`,
      `status -tls-skip-verify=false`,
    ]) {
      const outcome = await secure().run(line)
      isClear(outcome, 1)
      expect(outcome.err, line).to.include('is not trusted\n  next: give its CA certificate with -ca-cert')
    }
  })

  it('refuses a certificate that has expired, or is for another name', async () => {
    for (const [subject, words] of [
      [{ ends: -60 }, 'has expired'],
      [{ name: 'other.example', addresses: [] }, 'is not valid for 127.0.0.1'],
    ] as const) {
      const { cert, key } = certificate(subject)
      const file = join(temporaryFolder(), 'ca.pem')
      writeFileSync(file, cert)
      await listening(
        createSecure({ cert, key }),
        (socket) => socket.end('HTTP/1.1 204 No Content\r\n\r\n'),
        async (port) => {
          const outcome = await at(`https://127.0.0.1:${port}`, { VAULT_CACERT: file }).run('read a')
          isClear(outcome)
          expect(outcome.err).to.include(words)
          if (words === 'has expired') return
          const named = await at(`https://127.0.0.1:${port}`, { VAULT_CACERT: file }).run(
            'write -tls-server-name=other.example a x=1',
          )
          expect(named.code, named.err).to.equal(0)
        },
      )
    }
  })

  it('says when one side speaks TLS and the other does not', async () => {
    const { port } = new URL(server.running.address)
    const plain = await at(`http://127.0.0.1:${port}`).run('status')
    isClear(plain, 1)
    expect(plain.err).to.include(`next: export VAULT_ADDR='https://127.0.0.1:${port}'`)
    await scripted({}, async (shell, _, address) => {
      shell.env['VAULT_ADDR'] = address.replace('http', 'https')
      const outcome = await shell.run('read a')
      isClear(outcome)
      expect(outcome.err).to.include(`next: export VAULT_ADDR='${address}'`)
    })
  })

  it('refuses wrong kinds of files before it sends anything', async () => {
    const text = join(temporaryFolder(), 'text')
    writeFileSync(text, 'no certificate')
    for (const flags of [
      `-ca-cert=${text}`,
      '-ca-cert=/no/such/file',
      '-ca-path=/no/such/folder',
      `-ca-path=${join(text, '..')}`,
      `-client-cert=${files.cert}`,
      `-client-key=${files.key}`,
      `-client-cert=${files.cert} -client-key=${files.cert}`,
      `-client-cert=${files.key} -client-key=${files.key}`,
    ])
      isClear(await secure().run(`status ${flags}`), 2)
  })
})
