import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import { exchange } from './exchanges.ts'
import { expectJson, expectText, writtenJson } from './expected.ts'
import type { Variables } from './expected.ts'
import { Reader, programAlone } from './reader.ts'

const answer = { data: { version: 2, keys: ['a'] }, request_id: 'r1', auth: null }

async function failure(run: () => unknown): Promise<string> {
  try {
    await run()
    return ''
  } catch (error) {
    return (error as Error).message
  }
}

describe('the runner of docs and scenarios', () => {
  const variables: Variables = { token: 'first' }
  const text = async (actual: string, expected: string) =>
    failure(() => expectText(actual, expected, variables, 'block'))
  const json = async (expected: string) => failure(() => expectJson(answer, writtenJson(expected), variables, 'answer'))

  it('compares a string as it stands; … stands for the rest of a line, alone for lines', async () => {
    for (const expected of ['a (b)\nc', 'a …\nc', '…\nc', 'a (b)\n…', '…'])
      expect(await text('a (b)\nc', expected)).to.equal('')
    for (const expected of ['a (b)', 'a.(b)\nc', 'a …', 'a…c', '…\nb', ''])
      expect(await text('a (b)\nc', expected), expected).to.include('block')
  })

  it('takes a value by its name when it occurs first, and holds the next ones to it', async () => {
    expect(await text('Key: x1 x1', 'Key: $share $share')).to.equal('')
    expect(variables).to.include({ share: 'x1' })
    expect(await text('Key: x2', 'Key: $share')).to.include('block')
    expect(await text('Key: y z', 'Key: $other $other')).to.include('block')
    expect(variables).to.not.have.property('other')
  })

  it('wants every member that is written, and no others unless … is among them', async () => {
    for (const expected of [
      '{"data": {"version": 2, "keys": ["a"]}, "request_id": "…", "auth": null}',
      '{"data": {"version": 2, …}, …}',
      '{"data": …, "request_id": "$id", …}',
    ])
      expect(await json(expected), expected).to.equal('')
    expect(variables).to.include({ id: 'r1' })
    for (const expected of [
      '{"data": {"version": 2, …}}',
      '{"data": {"version": "2", …}, …}',
      '{"data": {"keys": [], …}, …}',
      '{"data": {"gone": …, …}, …}',
      '{"auth": {…}, …}',
      '{"request_id": "$token", …}',
    ])
      expect(await json(expected), expected).to.include('answer')
  })

  it('sends requests with defined values, and wants their status and their whole body', async () => {
    const server = createServer((request, response) => {
      request.resume()
      response
        .writeHead(request.headers['x-vault-token'] === 'first' ? 200 : 403)
        .end(request.url === '/empty' ? '' : '{"a":1}')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    try {
      const { port } = server.address() as AddressInfo
      const known = { VAULT_ADDR: `http://127.0.0.1:${port}`, VAULT_TOKEN: 'first' }
      const sent = async (code: string) => failure(async () => exchange(code, { ...known }))
      expect(await sent('GET /a\n\n200\n{"a": 1}\n\nPOST /empty\nX-Vault-Token: none\n{"b": 1}\n\n403\n')).to.equal('')
      for (const code of [
        'GET /a\n\n204\n',
        'GET /a\n\n200\n',
        'GET /a\n\n200\n{}\n',
        'GET /a\n',
        'GET /a\nX-Vault-Token: $none\n\n200\n{"a": 1}\n',
      ])
        expect(await sent(code), code).to.not.equal('')
      expect(await sent('GET /empty\n\n200\n\nGET /a\n\n403\n{"a": 1}\n'), 'the second exchange').to.include('/a')
    } finally {
      server.close()
    }
  })

  it('types commands into one terminal: variables stay, errors are printed, a failure ends it', async () => {
    const reader = new Reader({}, programAlone)
    const typed = async (code: string, promised: string) =>
      failure(async () => reader.converses([{ kind: '', language: 'sh', code, promised }]))
    expect(await typed('name="a b"\necho "$name"; echo wrong >&2', 'a b\nwrong')).to.equal('')
    expect(await typed('echo "$name"; false || echo "exit $?"', 'a b\nexit 1')).to.equal('')
    expect(await typed('echo more', '')).to.include('more')
    expect(await typed('false', '')).to.not.equal('')
  })
})
