import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import { commandGroups } from '../../src/cli/command-table.ts'
import { temporaryFolder } from '../support/folder.ts'
import { Shell } from './support.ts'
import type { Outcome } from './support.ts'

const folder = temporaryFolder()
const [plain, sealed, policy, snap, home] = ['plain', 'sealed', 'policy.hcl', 'a.snap', 'home'].map((name) =>
  join(folder, name),
)

/** Lines that ask for something: an answer without it is none. */
const asking = [
  'status', 'operator init', 'operator init -status', 'operator unseal abcd', 'operator unseal -reset', 'operator key-status', 'operator rotate',
  'operator rekey -init -n=1 -t=1', 'operator rekey -status', 'operator rekey -nonce=n abcd', 'operator rekey -verify -nonce=n abcd',
  'operator rekey -backup-retrieve', 'operator rotate-keys -init -n=1 -t=1', 'operator rotate-keys -status', 'operator members',
  'operator generate-root -init', 'operator generate-root -status', 'operator generate-root -nonce=n abcd', 'operator generate-root -generate-otp',
  'login hvs.token', 'login -no-store hvs.token', 'login -method=userpass username=a password=b', 'login -method=approle role_id=a secret_id=b',
  'login -method=jwt role=a jwt=b', 'login -method=kubernetes role=a jwt=b', 'login -method=ldap username=a password=b', 'login -method=cert', 'login -method=oidc port=18251',
  'list a', 'list -format=json a', 'scan a', 'path-help a', 'path-help -format=json a',
  'kv put -mount=secret a x=1', 'kv get -mount=secret a', 'kv get -mount=secret -field=x a', 'kv get -mount=secret -format=json a', 'kv patch -mount=secret a x=1',
  'kv patch -mount=secret -method=rw a x=1', 'kv list -mount=secret a', 'kv scan -mount=secret a', 'kv rollback -mount=secret -version=1 a', 'kv metadata get -mount=secret a',
  'transit import transit/keys/a AAAA', 'transit import-version transit/keys/a AAAA', `transit envelope encrypt -key=k ${plain} ${sealed}`,
  'secrets list', 'secrets list -format=json', 'secrets move a b', 'auth list', 'auth list -detailed', 'auth move auth/a auth/b', 'auth help people',
  'policy list', 'policy list -format=json', 'policy read a', 'policy explain read a', 'policy explain -format=json read a',
  'token create', 'token create -field=token', 'token create -format=json', 'token lookup', 'token lookup t', 'token lookup -accessor a', 'token renew', 'token renew t', 'token capabilities a',
  'token capabilities t a', 'lease lookup a', 'lease renew a', 'namespace create a', 'namespace list', 'namespace scan', 'namespace lookup a', 'namespace patch -custom-metadata=a=b a',
  `operator snapshot verify ${snap}`, `operator snapshot restore ${snap}`, `operator snapshot recover ${snap} secret/data/a`, `operator snapshot save -force ${snap}`, `operator raft snapshot verify ${snap}`, `operator raft snapshot restore ${snap}`,
  `operator raft snapshot save -force ${snap}`, 'namespace lock a', `debug -duration=1s -output=${join(folder, 'bundle.tar')}`, 'audit list', 'audit list -format=json', 'audit find -value-stdin /dev/null', 'version-history',
] // prettier-ignore

/** Lines of anybody's paths: JSON of any kind is an answer. */
const reading = [
  'read a',
  'read -field=x a',
  'read -format=json a',
  'unwrap t',
  'unwrap -field=x t',
  'write -field=x a x=1',
  'patch -field=x a x=1',
]

/** Lines that have something done: 204 is the answer, and content needs to be none. */
const acting = [
  'operator seal', 'operator step-down', 'operator rekey -cancel', 'operator rekey -backup-delete', 'operator generate-root -cancel', 'write a x=1', 'patch a x=1', 'delete a',
  'kv delete -mount=secret a', 'kv delete -mount=secret -versions=1 a', 'kv undelete -mount=secret -versions=1 a', 'kv destroy -mount=secret -versions=1 a', 'kv enable-versioning secret',
  'kv metadata put -mount=secret -max-versions=2 a', 'kv metadata patch -mount=secret -max-versions=2 a', 'kv metadata delete -mount=secret a', 'secrets enable kv', 'secrets disable a',
  'secrets tune -description=x a', 'auth enable userpass', 'auth disable a', 'auth tune -description=x a', `policy write a ${policy}`, 'policy delete a', 'token revoke t', 'token revoke -self',
  'lease revoke a', 'namespace delete a', 'namespace unlock a', 'audit enable file file_path=x', 'audit disable file',
] // prettier-ignore

/** They need an envelope first: `transit/datakey` was asked for before. The import and plans ask several times, and have tests of their own. */
const elsewhere = ['transit envelope decrypt', 'transit envelope verify', 'transit envelope rewrap', 'import vault', 'plan', 'apply'] // prettier-ignore

type Answer = (response: ServerResponse) => void
const json =
  (text: string): Answer =>
  (response) =>
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(text)

const empty: Readonly<Record<string, Answer>> = {
  'an empty 200': (response) => response.writeHead(200).end(),
  'a 204': (response) => response.writeHead(204).end(),
  blanks: json(' \n'),
}
const foreign: Readonly<Record<string, Answer>> = {
  'a page': (response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<html><h1>Welcome</h1></html>'),
  'half a document': json('{"data":{"keys":["a'),
  'a list': json('[]'),
  'a number': json('1'),
}
const without: Readonly<Record<string, Answer>> = {
  'an object without members': json('{}'),
  'the JSON of another service': json('{"status":"ok","message":"welcome"}'),
  'an envelope around nothing': json('{"request_id":"x","data":null,"auth":null,"wrap_info":null}'),
}

/** A server that answers everything alike, but the question which mount a path is in. */
async function answering(answer: Answer, use: (address: string) => Promise<void>): Promise<void> {
  const server: Server = createServer((request, response) => {
    request.resume()
    if (request.url?.startsWith('/v1/sys/internal/ui/mounts/'))
      json('{"data":{"path":"secret/","options":{"version":"2"}}}')(response)
    else answer(response)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  } finally {
    server.close()
    server.closeAllConnections()
  }
}

async function outcome(line: string, address: string): Promise<Outcome> {
  const shell = new Shell({ VAULT_ADDR: address, VAULT_TOKEN: 'root', VAULT_MAX_RETRIES: '0', HOME: home as string })
  shell.stdin = 'x'
  return shell.run(line)
}

/** A failure that says so, and prints nothing that could be taken for the answer. */
function isRefused(line: string, { code, out, err }: Outcome): void {
  expect(code, line).to.be.oneOf(line.endsWith('status') && code === 1 ? [1] : line.includes('-field') ? [1, 2] : [2])
  // The change that comes before the question is not taken back.
  expect(out.replace(/^Success! Rotated key\n\n$/, ''), line).to.equal('')
  expect(err, line)
    .to.match(/\S/)
    .and.to.not.match(/undefined|\[object|TypeError|<nil>/)
}

describe('a response without the expected content', () => {
  before(() => {
    writeFileSync(plain as string, 'plain')
    writeFileSync(snap as string, 'it is sent as it is')
    writeFileSync(policy as string, 'path "a" { capabilities = ["read"] }')
  })

  it('is tried with every command that sends a request', async () => {
    const all = (await Promise.all(commandGroups.map(async ({ load }) => load()))).flat()
    const lines = [...asking, ...reading, ...acting]
    const missing = all
      .filter(({ name, offline }) => !offline && !elsewhere.includes(name))
      .filter(({ name }) => !lines.some((line) => `${line} `.startsWith(`${name} `)))
    expect(missing.map(({ name }) => name)).to.deep.equal([])
  })

  for (const [what, answer] of Object.entries({ ...empty, ...foreign, ...without }))
    it(`is an error: ${what}`, async () =>
      answering(answer, async (address) => {
        for (const line of asking) isRefused(line, await outcome(line, address))
        if (Object.hasOwn(without, what)) return
        for (const line of reading) isRefused(line, await outcome(line, address))
      }))

  for (const [what, answer] of Object.entries(foreign))
    it(`is an error for a change, too: ${what}`, async () =>
      answering(answer, async (address) => {
        for (const line of acting) isRefused(line, await outcome(line, address))
      }))

  it('is a success for a change without a response', async () =>
    answering(empty['a 204'] as Answer, async (address) => {
      for (const line of acting) expect(await outcome(line, address), line).to.include({ code: 0 })
    }))

  it('is an error also from another host after a redirect', async () =>
    answering(empty['an empty 200'] as Answer, async (other) => {
      const host = other.replace('127.0.0.1', 'localhost')
      const redirect: Answer = (response) => response.writeHead(307, { Location: `${host}/v1/a` }).end()
      await answering(redirect, async (address) => {
        for (const line of [...asking, ...reading]) isRefused(line, await outcome(line, address))
        for (const line of acting) expect((await outcome(line, address)).code, line).to.equal(0)
      })
    }))

  it('does not store a token, and shows the response instead', async () => {
    const shell = new Shell()
    await answering(empty['an empty 200'] as Answer, async (address) => {
      shell.env['VAULT_ADDR'] = address
      const { code, err } = await shell.run('login hvs.token')
      expect(code).to.equal(2)
      expect(err).to.match(
        /^Error authenticating with the token: .*\n\nURL: GET http:\S+lookup-self\nCode: 200\. The response is empty: .*proxy/,
      )
      expect((await shell.run('print token')).out.trim(), 'nothing is stored').to.equal('')
    })
  })
})
