import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import { openLevelServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'

interface Line {
  readonly type: string
  readonly error?: string
  readonly auth?: { readonly policy_results?: { readonly allowed: boolean } }
  readonly request: { readonly path: string; readonly operation: string }
}

describe('the head of a request', () => {
  let server: TestServer
  before(async () => {
    server = await openLevelServer()
    await server.data('POST', 'sys/namespaces/team', {})
  })
  after(async () => server.running.stop())

  /** The answer, and what the audit log says of it. */
  const ask = async (line: string, headers: readonly string[] = [], body = ''): Promise<{ status: number; text: string; lines: Line[] }> => {
    const before = audited().length
    const { hostname, port } = new URL(server.running.address)
    const socket = connect(Number(port), hostname)
    let text = ''
    socket.on('data', (part: Buffer) => (text += part.toString('latin1')))
    const length = body === '' ? [] : [`Content-Length: ${body.length}`]
    const host = headers.some((header) => /^host:/i.test(header)) ? [] : ['Host: a']
    socket.write([`${line} HTTP/1.1`, ...host, 'Connection: close', ...headers, ...length, '', body].join('\r\n'))
    await once(socket, 'close')
    return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]), text, lines: audited().slice(before) }
  } // prettier-ignore
  const audited = (): Line[] =>
    readFileSync(join(server.folder, 'audit.log'), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as Line).filter(({ type }) => type === 'request' || type === 'response') // prettier-ignore
  const own = (): string => `X-Vault-Token: ${server.token}`

  it('names one token, one namespace, one host', async () => {
    const twice = [
      [own(), 'Authorization: Bearer other'], ['X-Vault-Token: other', `Authorization: Bearer ${server.token}`], [own(), own()], [own(), 'x-vault-TOKEN: other'], [`Authorization: Bearer ${server.token}`, 'Authorization: Bearer other'],
      [own(), 'Host: a', 'Host: b'], [own(), 'Host: a', 'host: a'], [own(), 'X-Vault-Namespace: team', 'X-Vault-Namespace: '], [own(), 'X-Vault-Wrap-TTL: 60', 'X-Vault-Wrap-TTL: 0'], [own(), 'Content-Type: application/json', 'Content-Type: text/plain'],
    ] // prettier-ignore
    for (const headers of twice) {
      const { status, lines, text } = await ask('GET /v1/sys/mounts', headers)
      expect(status, headers.join()).to.equal(400)
      expect(text, headers.join()).to.not.include(server.token)
      expect(lines.map(({ type }) => type), headers.join()).to.deep.equal(['request', 'response'])
    } // prettier-ignore
    expect((await ask('GET /v1/sys/mounts', [own(), `Authorization: Bearer ${server.token}`])).status).to.equal(200)
    expect((await ask('GET /v1/sys/mounts', [own(), 'Authorization: Basic abc'])).status).to.equal(200)
    for (const path of ['/', '/ui/', '/none']) expect((await ask(`GET ${path}`, ['Host: a', 'Host: b'])).status).to.equal(400)
  }) // prettier-ignore

  it('of the root is answered with the place of the API, and nothing about the release', async () => {
    const { status, text } = await ask('GET /', ['Host: a'])
    expect([status, text.split('\r\n\r\n')[1]]).to.deep.equal([200, '{"api":"/v1/"}\n'])
  })

  it('leaves two audit lines whatever is wrong with it', async () => {
    for (const [line, status, path, headers = [], body = ''] of [
      ['HEAD /v1/sys/mounts', 405, 'sys/mounts', 'token'], ['HEAD /v1/sys/mounts', 403, 'sys/mounts'], ['HEAD /v1/secret/data/x', 403, 'secret/data/x'], ['HEAD /v1/sys/seal-status', 405, 'sys/seal-status'],
      ['OPTIONS /v1/sys/mounts', 400, 'sys/mounts'], ['COPY /v1/sys/mounts', 405, 'sys/mounts', 'token'], ['LINK /v1/sys/mounts', 405, 'sys/mounts'], ['TRACE /v1/sys/mounts', 405, 'sys/mounts'],
      ['FOO /v1/sys/mounts', 405, 'sys/mounts', 'token'], ['FOO /v1/sys/mounts', 405, 'sys/mounts'], ['REVOKE /v1/none/x?a=b', 405, 'none/x', 'token', '{}'], ['A /v1/sys/mounts', 405, 'sys/mounts'], ['TRANSACTIONS /v1/sys/mounts', 405, 'sys/mounts'],
      ['PATCH /v1/sys/mounts', 415, 'sys/mounts', 'token', '{}'], ['GET /v1/%zz', 400, ''], ['GET /v1/sys/%00', 400, ''], ['GET /v1/sys/mounts?a=%zz', 400, 'sys/mounts'], ['POST /v1/sys/mounts/x', 400, 'sys/mounts/x', 'token', '{"a":'],
    ] as const) {
      const answer = await ask(line, [...(headers === 'token' ? [own()] : []), 'Content-Type: application/json'], body)
      expect(answer.status, line).to.equal(status)
      expect(answer.lines.map(({ type }) => type), line).to.deep.equal(['request', 'response'])
      for (const { error, request, auth } of answer.lines) {
        expect(error ?? '', line).to.not.equal('')
        expect(request.path, line).to.equal(path)
        expect(auth?.policy_results?.allowed, line).to.equal(false)
      }
    } // prettier-ignore
  })

  it('may name the whole URL, as for a proxy', async () => {
    for (const origin of ['http://vault.example:8200', 'https://127.0.0.1', 'HTTP://a']) {
      expect((await ask(`GET ${origin}/v1/sys/mounts`, [own()])).status, origin).to.equal(200)
      expect((await ask(`LIST ${origin}/v1/sys/policies/acl`, [own()])).status, origin).to.equal(200)
      expect((await ask(`GET ${origin}`)).status, origin).to.equal(200)
      expect((await ask(`GET ${origin}/v1/sys/mounts`)).status, origin).to.equal(403)
    }
    for (const target of ['ftp://a/v1/sys/mounts', 'http:/v1/sys/mounts', '*'])
      expect((await ask(`GET ${target}`, [own()])).status, target).to.be.within(400, 404)
  })

  it('recognises a form by its content type in any case', async () => {
    for (const type of ['Application/X-WWW-Form-Urlencoded', 'application/x-www-form-urlencoded; charset=utf-8', ' APPLICATION/X-WWW-FORM-URLENCODED ;x'])
      expect((await ask('POST /v1/sys/tools/random', [own(), `Content-Type: ${type}`], 'format=hex&bytes=4')).text, type).to.match(/"random_bytes":"[0-9a-f]{8}"/)
    expect((await ask('POST /v1/sys/tools/random', [own(), 'Content-Type: application/x-www-form-urlencodedx'], 'bytes=4')).status).to.equal(400)
  }) // prettier-ignore

  it('is answered with 204 without a word about a length', async () => {
    for (const line of ['GET /v1/sys/health?activecode=204', 'HEAD /v1/sys/health?activecode=204', 'DELETE /v1/sys/policies/acl/none']) {
      const { status, text } = await ask(line, [own()])
      expect(status, line).to.equal(204)
      expect(text, line).to.not.match(/content-length|transfer-encoding/i)
      expect(text, line).to.match(/\r\n\r\n$/)
    }
  }) // prettier-ignore
})
