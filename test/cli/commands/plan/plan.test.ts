import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { devServer } from '../../../support/server.ts'
import type { TestServer } from '../../../support/server.ts'
import { ScriptedServer, Shell } from '../../support.ts'

interface Step {
  readonly action: string
  readonly path: string
  readonly fields: readonly Readonly<Record<string, unknown>>[]
  readonly why?: string
}

const request = (name: string, path: string, data: string, operation = 'update'): string =>
  `request "${name}" {\n operation = "${operation}"\n path = "${path}"\n data = { ${data} }\n }\n`
const block = (name: string, ...requests: readonly string[]): string =>
  `initialize "${name}" {\n${requests.join('')}}\n`
const password = '{ eval_source = "env" eval_type = "string" env_var = "PASSWORD" }'
const rules = String.raw`path \"kv/*\" { capabilities = [\"read\"] }`

/** One of everything that plans know. */
const everything = block(
  'all',
  request(
    'people',
    'sys/auth/people',
    'type = "userpass" description = "of the house" config = { max_lease_ttl = "2h" }',
  ),
  request('machines', 'sys/auth/machines', 'type = "approle"'),
  request('kv', 'sys/mounts/kv', 'type = "kv" options = { version = "2" }'),
  request('policy', 'sys/policies/acl/reader', `policy = "${rules}"`),
  request(
    'anna',
    'auth/people/users/anna',
    `password = ${password} token_policies = ["reader", "default"] token_ttl = "1h"`,
  ),
  request('web', 'auth/machines/role/web', 'token_policies = "reader" secret_id_num_uses = 3'),
  request('secret', 'kv/data/app', `data = { password = ${password} port = 5432 }`),
)

describe('plan and apply', () => {
  let server: TestServer
  let shell: Shell
  let file: string
  beforeEach(async () => {
    server = await devServer()
    shell = new Shell({ VAULT_ADDR: server.running.address, VAULT_TOKEN: server.token, PASSWORD: 'the first secret' })
    file = join(shell.home, 'files.hcl')
    writeFileSync(file, everything)
  })
  afterEach(async () => server.running.stop())

  const steps = async (...words: readonly string[]): Promise<readonly Step[]> => {
    const { out, err } = await shell.run(['plan', '-format=json', ...words, file])
    expect(out, err).not.to.equal('')
    return (JSON.parse(out) as { readonly steps: readonly Step[] }).steps
  }
  const changes = async (...words: readonly string[]): Promise<readonly string[]> =>
    (await steps(...words)).filter(({ action }) => action !== 'same').map(({ action, path }) => `${action} ${path}`)
  const applied = async (...words: readonly string[]): Promise<string> => {
    const { code, out, err } = await shell.run(['apply', '-yes', ...words, file])
    expect(code, out + err).to.equal(0)
    return out
  }
  const edit = (from: string, to: string): void => {
    expect(everything).to.include(from)
    writeFileSync(file, everything.replace(from, to))
  }

  it('create missing objects, then find no difference, and write nothing again', async () => {
    const detailed = async (command: string): Promise<number> =>
      (await shell.run([command, '-detailed-exitcode', file])).code
    expect(await detailed('plan')).to.equal(2)
    expect((await changes()).every((one) => one.startsWith('create '))).to.equal(true)
    expect((await server.call('GET', '/v1/sys/policies/acl/reader')).status, 'a plan writes nothing').to.equal(404)
    const out = await applied()
    expect(out).to.include('7 to create, 0 to update, 0 to delete.')
    expect(out).not.to.include('the first secret')
    expect(await server.data('GET', 'auth/people/users/anna')).to.include({ token_ttl: 3600 })
    expect((await server.data('GET', 'kv/data/app'))['data']).to.deep.equal({ password: 'the first secret', port: 5432 }) // prettier-ignore
    const login = await server.call('POST', '/v1/auth/people/login/anna', { password: 'the first secret' }, {})
    expect(login.status).to.equal(200)
    expect(await detailed('plan')).to.equal(0)
    expect(await applied()).to.include('No changes')
    expect((await server.data('GET', 'kv/metadata/app'))['current_version']).to.equal(1)
  })

  it('change only differences, and show them', async () => {
    await applied()
    edit('token_ttl = "1h"', 'token_ttl = "30m"')
    expect(await changes()).to.deep.equal(['update auth/people/users/anna'])
    const anna = (await steps()).find(({ action }) => action === 'update')
    expect(anna?.fields).to.deep.equal([{ name: 'token_ttl', before: 3600, after: '30m' }])
    edit('max_lease_ttl = "2h"', 'max_lease_ttl = "3h"')
    expect(await changes()).to.deep.equal(['update sys/auth/people'])
    await applied()
    expect(await server.data('GET', 'sys/auth/people/tune')).to.include({ max_lease_ttl: 10_800 })
    expect(await changes()).to.deep.equal([])
    edit('port = 5432', 'port = 5433')
    const { out } = await shell.run(['plan', file])
    expect(out).to.include('~ kv/data/app (data)\n    data: (secret)\n')
    expect(out).not.to.include('the first secret').and.not.to.include('5432')
  })

  it('name objects that cannot be changed, and then apply nothing', async () => {
    await applied()
    writeFileSync(file, everything.replace('type = "kv"', 'type = "transit"').replace('"of the house"', '"of others"'))
    const { code, out } = await shell.run(['apply', '-yes', file])
    expect(code).to.equal(1)
    expect(out).to.include('! sys/mounts/kv (mount): type')
    expect((await server.data('GET', 'sys/auth/people'))['description']).to.equal('of the house')
  })

  it('remember with -state the values that servers do not show, and send them again when they change', async () => {
    const state = join(shell.home, 'sent.json')
    await applied(`-state=${state}`)
    expect(await changes(`-state=${state}`)).to.deep.equal([])
    expect(readFileSync(state, 'utf8')).not.to.include('the first secret')
    shell.env['PASSWORD'] = 'the second secret'
    expect(await changes()).to.deep.equal(['update kv/data/app'])
    expect(await changes(`-state=${state}`)).to.deep.equal(['update auth/people/users/anna', 'update kv/data/app'])
    const out = await applied(`-state=${state}`)
    expect(out).to.include('    password: (write-only)\n').and.not.to.include('the second secret')
    expect((await server.call('POST', '/v1/auth/people/login/anna', { password: 'the second secret' }, {})).status).to.equal(200) // prettier-ignore
    expect(await changes(`-state=${state}`)).to.deep.equal([])
    expect(await changes('-resend')).to.deep.equal(['update auth/people/users/anna'])
  })

  it('remove with -prune, and only then, managed objects that the files do not name', async () => {
    await applied()
    await server.data('POST', 'sys/policies/acl/old', { policy: 'path "a" { capabilities = ["read"] }' })
    await server.data('POST', 'auth/people/users/ben', { password: 'b' })
    await server.data('POST', 'sys/mounts/older', { type: 'transit' })
    await server.data('POST', 'identity/entity', { name: 'not managed' })
    expect(await changes()).to.deep.equal([])
    expect(await changes('-prune')).to.have.members([
      'delete sys/policies/acl/old',
      'delete auth/people/users/ben',
      'delete sys/mounts/older',
      'delete sys/mounts/secret',
    ])
    await applied('-prune')
    expect(await changes('-prune')).to.deep.equal([])
    expect(await server.data('GET', 'sys/mounts')).not.to.have.any.keys('older/', 'secret/')
    expect(await server.data('LIST', 'identity/entity/name')).to.deep.include({ keys: ['not managed'] })
    writeFileSync(file, block('few', request('policy', 'sys/policies/acl/reader', `policy = "${rules}"`)))
    expect(await changes('-prune')).to.deep.equal([])
  })

  it('keep with -prune what the files name: not now, by another path, or as the place of something', async () => {
    const other = { type: 'kv', options: { version: '1' } }
    for (const name of ['later', 'answered', 'tuned', 'filled', 'nobodys']) await server.data('POST', `sys/mounts/${name}`, other) // prettier-ignore
    for (const name of ['people', 'logins', 'nobodys']) await server.data('POST', `sys/auth/${name}`, { type: 'userpass' }) // prettier-ignore
    for (const name of ['old', 'new', 'nobodys'])
      await server.data('POST', `sys/policies/acl/${name}`, { policy: '# x' })
    const answer = 'eval_source = "response" eval_type = "string" initialize_name = "all" response_name = "token" field_selector = ["auth"]' // prettier-ignore
    const files = (path: string): string =>
      block('first', request('kv', 'sys/mounts/secret', 'type = "kv"')) +
      block(
        'all',
        request('later', 'sys/mounts/later', 'type = "kv"').replace('data =', 'when = false\n data ='),
        request('token', 'auth/token/create', 'policies = ["default"]'),
        request('answered', 'sys/mounts/answered', `type = "kv" description = { ${answer} }`),
        request('tuned', 'sys/mounts/tuned/tune', 'description = "x"'),
        request('filled', 'filled/one', 'x = 1'),
        request('people', 'sys/auth/PEOPLE', 'type = "userpass"'),
        request('anna', 'auth/logins/users/anna', `password = ${password}`),
        request('old', 'sys/policy/old', 'policy = "# x"'),
        request('new', path, 'policy = "# x"'),
      )
    writeFileSync(file, files('sys/policies/acl/new'))
    expect((await changes('-prune')).filter((one) => one.startsWith('delete'))).to.have.members([
      'delete sys/mounts/nobodys',
      'delete sys/auth/nobodys',
      'delete sys/policies/acl/nobodys',
    ])
    writeFileSync(file, files('').replace('path = ""', `path = { ${answer} }`))
    const { code, err } = await shell.run(['plan', '-prune', file])
    expect([code, err]).to.deep.include(1)
    expect(err).to.include('the path of all.new cannot be known here, so -prune might remove what it names')
  })

  it('treat what is in an engine as data, whatever its names, and show no field with the name of a secret', async () => {
    await server.data('POST', 'sys/mounts/one', { type: 'kv', options: { version: '1' } })
    for (const name of ['bob', 'eve']) await server.data('POST', `one/auth/app/users/${name}`, { pin: 'hidden-1' })
    const space = await server.call('POST', '/v1/sys/namespaces/team')
    expect(space.status).to.be.lessThan(300)
    writeFileSync(
      file,
      block(
        'all',
        request('bob', 'one/auth/app/users/bob', 'pin = "hidden-2"'),
        request('audit', 'sys/audit/more', 'type = "file" options = { file_path = "/tmp/x" token = "hidden-3" }'),
        request('policy', 'team/sys/policies/acl/reader', 'policy = "# shown"'),
      ),
    )
    const { out } = await shell.run(['plan', '-prune', file])
    expect(out).to.include('~ one/auth/app/users/bob (data)\n    pin: (secret)\n')
    expect(out).to.include('    options: (secret)\n').and.to.include('    policy: "# shown"\n')
    expect(out).to.include('2 to create, 1 to update, 0 to delete.').and.not.to.include('hidden')
  })

  it('apply a saved plan as it was shown, and refuse it when the server or a secret is another one', async () => {
    const saved = join(shell.home, 'saved.plan')
    await shell.run(['plan', `-out=${saved}`, file])
    expect(readFileSync(saved, 'utf8')).not.to.include('the first secret')
    shell.env['PASSWORD'] = 'another secret'
    const other = await shell.run(['apply', `-plan=${saved}`])
    expect([other.code, other.err]).to.deep.include(1)
    expect(other.err).to.include('changed since the plan was made: nothing was applied')
    const elsewhere = await shell.run(['apply', '-namespace=team', `-plan=${saved}`])
    expect(elsewhere.err).to.match(
      /the plan was made for http:\S+, and this is \S+, namespace team: nothing was applied/,
    )
    shell.env['PASSWORD'] = 'the first secret'
    expect((await shell.run(['apply', `-plan=${saved}`])).code).to.equal(0)
    expect(await changes()).to.deep.equal([])
    edit('"of the house"', '"of others"')
    await shell.run(['plan', `-out=${saved}`, file])
    await server.data('POST', 'sys/auth/people/tune', { description: 'of somebody else' })
    expect((await shell.run(['apply', `-plan=${saved}`])).err).to.include('changed since the plan was made')
    expect((await server.data('GET', 'sys/auth/people'))['description']).to.equal('of somebody else')
  })

  it('ask before anything is applied', async () => {
    expect((await shell.run(['apply', file])).code).to.equal(1)
    shell.typed = 'y'
    expect((await shell.run(['apply', file])).err).to.include('nothing was applied')
    expect((await server.call('GET', '/v1/sys/policies/acl/reader')).status).to.equal(404)
    shell.typed = 'yes'
    expect((await shell.run(['apply', file])).code).to.equal(0)
    expect(shell.questions).to.have.length(3)
  })

  it('leave actions alone, and use the response of a read', async () => {
    writeFileSync(
      file,
      block(
        'all',
        request('token', 'auth/token/create', 'policies = ["default"]'),
        'request "look" {\n operation = "read"\n path = "sys/policies/acl/default"\n }\n',
        request(
          'copy',
          'sys/policies/acl/copy',
          'policy = { eval_source = "response" eval_type = "string" initialize_name = "all" response_name = "look" field_selector = ["data", "policy"] }',
        ),
        request(
          'user',
          'secret/data/x',
          'data = { t = { eval_source = "response" eval_type = "string" initialize_name = "all" response_name = "token" field_selector = ["auth", "client_token"] } }',
        ),
      ),
    )
    expect(await changes()).to.deep.equal(['leave auth/token/create', 'create sys/policies/acl/copy', 'leave all.user'])
    await applied()
    expect(await changes()).to.deep.equal(['leave auth/token/create', 'leave all.user'])
  })

  it('leave alone what a template or an expression makes of a response that is not there', async () => {
    const made = (source: string, text: string): string =>
      `data = { t = { eval_source = "${source}" eval_type = "string" ${text} } }`
    writeFileSync(
      file,
      block(
        'all',
        request('token', 'auth/token/create', 'policies = ["default"]'),
        request(
          'template',
          'secret/data/a',
          made('template', String.raw`template = "{{ .responses.all.token.auth.client_token }}"`),
        ),
        request('cel', 'secret/data/b', made('cel', 'expression = "responses.all.token.auth.client_token"')),
        request('has', 'secret/data/c', made('cel', "expression = \"has(responses.all.token.auth) ? 'a' : 'b'\"")),
        request('of', 'secret/data/d', made('cel', 'expression = "requests.all.cel.data.data.t"')),
        request('path', 'secret/data/e', made('cel', 'expression = "requests.all.token.path"')),
      ),
    )
    expect(await changes()).to.deep.equal([
      'leave auth/token/create',
      'leave all.template',
      'leave all.cel',
      'leave all.has',
      'leave all.of',
      'create secret/data/e',
    ])
  })

  it('say where a file is wrong, and refuse an answer that shows nothing', async () => {
    writeFileSync(file, 'initialize "a" {\n request "b" { operation = "overwrite" path = "c" }\n}\n')
    const { code, err } = await shell.run(['plan', file])
    expect([code, err]).to.deep.include(1)
    expect(err).to.include(`${file}:2: operation is one of: create`)
    expect((await shell.run(['apply'])).code).to.equal(1)
    const scripted = new ScriptedServer({ 'GET /v1/sys/policies/acl/a': [{ status: 200, body: '' }] })
    shell.env['VAULT_ADDR'] = await scripted.listen()
    writeFileSync(file, block('a', request('b', 'sys/policies/acl/a', 'policy = "a"')))
    expect((await shell.run(['apply', '-yes', file])).code).to.equal(2)
    expect(scripted.lines).to.deep.equal(['GET /v1/sys/policies/acl/a'])
    scripted.close()
  })

  it('have nothing to do after an apply, whatever was there before', async () => {
    const name = fc.constantFrom('a', 'b', 'c')
    const policy = fc.record({ name, read: fc.boolean() })
    const mount = fc.record({
      name,
      description: fc.constantFrom('', 'one', 'two'),
      ttl: fc.constantFrom('1h', '90m', '7200'),
    })
    const world = fc.record({
      policies: fc.uniqueArray(policy, { selector: (one) => one.name, minLength: 1 }),
      mounts: fc.uniqueArray(mount, { selector: (one) => one.name }),
      users: fc.uniqueArray(fc.record({ name, policies: fc.uniqueArray(name) }), { selector: (one) => one.name }),
    })
    const people = request('people', 'sys/auth/people', 'type = "userpass"')
    await fc.assert(
      fc.asyncProperty(world, fc.boolean(), async ({ policies, mounts, users }, prunes) => {
        const text = block(
          'all',
          people,
          ...policies.map((one) =>
            request(
              `policy-${one.name}`,
              `sys/policies/acl/${one.name}`,
              `policy = "${one.read ? rules : ''}# ${one.name}"`,
            ),
          ),
          ...mounts.map((one) =>
            request(
              `mount-${one.name}`,
              `sys/mounts/${one.name}`,
              `type = "kv" description = "${one.description}" config = { default_lease_ttl = "${one.ttl}" }`,
            ),
          ),
          ...users.map((one) =>
            request(
              `user-${one.name}`,
              `auth/people/users/${one.name}`,
              `password = ${password} token_policies = ${JSON.stringify(one.policies)}`,
            ),
          ),
        )
        writeFileSync(file, text)
        const words = prunes ? ['-prune'] : []
        const promised = await changes(...words)
        const before = await changes(...words)
        expect(before).to.deep.equal(promised)
        await applied(...words)
        expect(await changes(...words)).to.deep.equal([])
      }),
      { numRuns: 8 },
    )
  })
})
