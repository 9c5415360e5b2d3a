import { expect } from 'chai'
import { Shell, scripted } from '../support.ts'

const data = { body: { request_id: 'r', data: { x: 1 } } }

describe("the command line's client", () => {
  it('sends the token, the namespace and X-Vault-Request only', async () => {
    await scripted({ 'GET /v1/a/b': [data] }, async (shell, server) => {
      expect((await shell.run('read -ns=north -wrap-ttl=5m -header=X-Trace=7 a/b')).code).to.equal(0)
      const { headers } = server.seen[0] as (typeof server.seen)[0]
      expect(headers).to.include({
        'x-vault-request': 'true',
        'x-vault-token': 'root',
        'x-vault-namespace': 'north/',
        'x-vault-wrap-ttl': '5m0s',
        'x-trace': '7',
      })
    })
  })

  it('retries twice on server errors, but not if the server is sealed or responds 501', async () => {
    const trouble = { status: 500, body: { errors: ['internal error'] } }
    const script = {
      'GET /v1/passes': [trouble, { status: 412, body: { errors: [] } }, data],
      'GET /v1/stays': [trouble],
      'GET /v1/sealed': [{ status: 503, body: { errors: ['Vault is sealed'] } }],
      'GET /v1/never': [{ status: 501, body: { errors: ['no'] } }],
    }
    await scripted(script, async (shell, server) => {
      expect((await shell.run('read passes')).code).to.equal(0)
      expect((await shell.run('read stays')).code).to.equal(2)
      expect((await shell.run('read sealed')).err).to.include('Vault is sealed')
      expect((await shell.run('read never')).code).to.equal(2)
      const times = (path: string): number => server.lines.filter((line) => line.endsWith(path)).length
      expect([times('passes'), times('stays'), times('sealed'), times('never')]).to.deep.equal([3, 3, 1, 1])
      shell.env['VAULT_MAX_RETRIES'] = '0'
      await shell.run('read stays')
      expect(times('stays')).to.equal(4)
    })
  })

  it('never retries a key share: it would count for the next attempt', async () => {
    const script = { 'PUT /v1/sys/unseal': [{ status: 500, body: { errors: ['the key was right, but'] } }, data] }
    await scripted(script, async (shell, server) => {
      const { code, err } = await shell.run('operator unseal c2hhcmU=')
      expect(code).to.equal(2)
      expect(err).to.include('the key was right')
      expect(server.lines).to.deep.equal(['PUT /v1/sys/unseal'])
    })
  })

  it('follows one redirect, or none with -disable-redirects', async () => {
    const to = (location: string) => [{ status: 307, headers: { location } }]
    const script = { 'GET /v1/one': to('/v1/two'), 'GET /v1/two': [data], 'GET /v1/loop': to('/v1/loop') }
    await scripted(script, async (shell, server) => {
      expect((await shell.run('read -field=x one')).out).to.equal('1')
      await shell.run('read loop')
      expect(server.lines.filter((line) => line === 'GET /v1/loop')).to.have.length(2)
      await shell.run('read -disable-redirects one')
      expect(server.lines.filter((line) => line === 'GET /v1/two')).to.have.length(1)
    })
  })

  it('shows a refusal with its URL, its code and its bullets', async () => {
    const refusal = { status: 403, body: { errors: ['1 error occurred:\n\t* permission denied\n\n'] } }
    await scripted(
      { 'PUT /v1/a': [refusal], 'PATCH /v1/a': [{ status: 404, body: { errors: [] } }] },
      async (shell, _, address) => {
        expect(await shell.run('write a x=1')).to.deep.equal({
          code: 2,
          out: '',
          err: `Error writing data to a: Error making API request.\n\nURL: PUT ${address}/v1/a\nCode: 403. Errors:\n\n* 1 error occurred:\n\t* permission denied\n\n\n  next: "strongroom policy explain update a" shows the deciding rule; if that is refused, too, the token is not valid\n`,
        })
        expect((await shell.run('write -ns=n a x=1')).err).to.include(`\n\nNamespace: n/\nURL: PUT ${address}`)
        expect((await shell.run('patch a x=1')).err).to.match(/Code: 404\. Raw Message:\n\n\n$/)
      },
    )
  })

  it('times out on a silent server', async () => {
    await scripted({ 'GET /v1/a': [{ silent: true }] }, async (shell) => {
      shell.env['VAULT_CLIENT_TIMEOUT'] = '1s'
      expect((await shell.run('read a')).err).to.include('did not respond within 1 s')
    })
  })

  it('names the address without a server, with exit status 2; status with 1', async () => {
    const shell = new Shell({ VAULT_ADDR: 'http://127.0.0.1:1' })
    expect((await shell.run('read a')).code).to.equal(2)
    expect((await shell.run('status')).code).to.equal(1)
    expect((await shell.run('read a')).err).to.include('no server is listening at http://127.0.0.1:1')
  })

  it('refuses invalid settings instead of guessing', async () => {
    const settings = {
      VAULT_ADDR: '::not an address::',
      VAULT_SKIP_VERIFY: 'perhaps',
      VAULT_CLIENT_TIMEOUT: 'long',
      VAULT_MAX_RETRIES: 'many',
      VAULT_CACERT: '/no/such/file.pem',
    }
    for (const [name, value] of Object.entries(settings))
      expect((await new Shell({ VAULT_ADDR: 'http://127.0.0.1:1', [name]: value }).run('read a')).code, name).to.equal(
        2,
      )
    expect((await new Shell().run('read -header=X-Vault-Token=x a')).code).to.equal(2)
  })

  it('refuses a wrap TTL that would wrap nothing', async () => {
    await scripted({ 'GET /v1/a': [{ body: { data: { secret: 'shown' } } }] }, async (shell, server) => {
      for (const ttl of ['500ms', '0.5s', '1us', '']) {
        const { code, out } = await shell.run(['read', `-wrap-ttl=${ttl}`, 'a'])
        expect([code > 0, out], ttl).to.deep.equal([true, ''])
      }
      expect(server.seen).to.have.length(0)
    })
  })

  it('takes STRONGROOM_ before BAO_ before VAULT_, even when empty', async () => {
    const token = async (env: Record<string, string>): Promise<string> => (await new Shell(env).run('print token')).out
    expect(await token({ VAULT_TOKEN: 'v' })).to.equal('v\n')
    expect(await token({ VAULT_TOKEN: 'v', BAO_TOKEN: 'b' })).to.equal('b\n')
    expect(await token({ VAULT_TOKEN: 'v', BAO_TOKEN: 'b', STRONGROOM_TOKEN: 's' })).to.equal('s\n')
    expect(await token({ VAULT_TOKEN: 'v', BAO_TOKEN: '' })).to.equal('\n')
  })

  it('prints a request instead of sending it, with the token fetched by the shell', async () => {
    await scripted({}, async (shell, server, address) => {
      const { out } = await shell.run(['write', '-output-curl-string', 'a', 'z=1', "b=it's"])
      expect(out).to.include('-H "X-Vault-Token: $(strongroom print token)"').and.not.include('root')
      expect(out).to.include(`-d '{"b":"it'"'"'s","z":"1"}' "${address}/v1/a"`)
      expect((await shell.run('operator rotate -output-policy')).out).to.equal(
        'path "sys/rotate" {\n  capabilities = ["create", "update", "sudo"]\n}\n',
      )
      expect((await shell.run('list -output-policy a')).out).to.include('["list"]')
      expect(server.seen).to.have.length(0)
    })
  })

  it('keeps numbers of the server as they are written', async () => {
    const body = '{"request_id":"r","data":{"n":12345678901234567890,"f":1.50}}'
    await scripted({ 'GET /v1/a': [{ body }] }, async (shell) => {
      expect((await shell.run('read -format=json a')).out).to.include('"f": 1.50,\n    "n": 12345678901234567890')
      expect((await shell.run('read -format=yaml a')).out).to.include('"n": 12345678901234567890')
    })
  })

  it('reads a response that is no JSON as a raw message', async () => {
    await scripted({ 'GET /v1/a': [{ status: 400, body: 'not now' }] }, async (shell) => {
      expect((await shell.run('read a')).err).to.include('Raw Message:\n\nnot now')
    })
  })
})
