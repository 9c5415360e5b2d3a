import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { Shell } from '../../cli/support.ts'
import type { Outcome } from '../../cli/support.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { inside, makeNamespace } from '../../support/requests/namespaces.ts'
import { devServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'

/** What a command line names is what it reads, changes and deletes: with real servers, and with a real shell. */
describe('a command line', function () {
  this.timeout(60_000)
  let server: TestServer
  let shell: Shell
  before(async () => {
    server = await devServer()
    shell = new Shell({ VAULT_ADDR: server.running.address, VAULT_TOKEN: 'root' })
    await makeNamespace(server, 'shopping/eu')
    await makeNamespace(server, 'shopping/eu/eu')
    const stores = { '': ['s', 'p', 'plain/kv', 'eu', 'e'], shopping: ['eu2/kv', 's'], 'shopping/eu': ['s', 'kv'] }
    for (const [namespace, paths] of Object.entries({ ...stores, 'shopping/eu/eu': ['eu'] }))
      for (const path of paths)
        await inside(server, namespace, 'POST', `sys/mounts/${path}`, { type: 'kv', options: { version: '2' } })
    await server.data('POST', 'sys/mounts/old', { type: 'kv', options: { version: '1' } })
  })
  after(async () => server.running.stop())

  const done = async (words: readonly string[]): Promise<Outcome> => {
    const outcome = await shell.run(words)
    expect(outcome.code, `${words.join(' ')}: ${outcome.err}`).to.equal(0)
    return outcome
  }

  /** Each way to name a secret, and where in the API it is. */
  const ways: readonly (readonly [words: readonly string[], namespace: string, mount: string, name: string])[] = [
    [['s/db'], '', 's', 'db'],
    [['shopping/eu/s/db'], 'shopping/eu', 's', 'db'],
    [['-mount=shopping/eu/s', 'db'], 'shopping/eu', 's', 'db'],
    [['-namespace=shopping', 'eu/s/db'], 'shopping/eu', 's', 'db'],
    [['-namespace=shopping', '-mount=eu/s', 'db'], 'shopping/eu', 's', 'db'],
    [['-namespace=shopping/eu', 's/db'], 'shopping/eu', 's', 'db'],
    [['-namespace=shopping/eu', '-mount=s', 'eu/s/db'], 'shopping/eu', 's', 'eu/s/db'],
    [['-namespace=shopping', 's/eu/s/db'], 'shopping', 's', 'eu/s/db'],
    [['-namespace=shopping', 'eu2/kv/db'], 'shopping', 'eu2/kv', 'db'],
    [['shopping/eu2/kv/kv'], 'shopping', 'eu2/kv', 'kv'],
    [['shopping/eu/eu/eu/eu'], 'shopping/eu/eu', 'eu', 'eu'],
    [['-namespace=shopping/eu', 'eu/eu/eu/eu'], 'shopping/eu/eu', 'eu', 'eu/eu'],
    [['plain/kv/x'], '', 'plain/kv', 'x'],
    [['-mount=plain/kv', 'x'], '', 'plain/kv', 'x'],
    [['-mount=', 'e/eu/x'], '', 'e', 'eu/x'],
    [['eu/s/db'], '', 'eu', 's/db'],
  ]

  it('writes, reads and destroys the secret it names, wherever its mount is', async () => {
    const read = async (namespace: string, mount: string, name: string): Promise<number> =>
      (
        await server.call('GET', `/v1/${mount}/metadata/${name}`, undefined, {
          'X-Vault-Token': 'root',
          'X-Vault-Namespace': namespace,
        })
      ).status
    const places = [...new Map(ways.map(([, ...place]) => [place.join(' '), place])).values()]
    for (const [words, ...named] of ways) {
      for (const [namespace, mount, name] of places)
        await inside(server, namespace, 'POST', `${mount}/data/${name}`, {
          data: { at: `${namespace} ${mount} ${name}` },
        })
      expect((await done(['kv', 'get', '-field=at', ...words])).out, words.join(' ')).to.equal(named.join(' '))
      await done(['kv', 'metadata', 'delete', ...words])
      for (const place of places)
        expect(await read(...place), `${words.join(' ')} at ${place.join(' ')}`).to.equal(
          place.join(' ') === named.join(' ') ? 404 : 200,
        )
    }
  })

  it('refuses a mount that is a path inside one, and one that is no key/value store', async () => {
    await done(['kv', 'put', 's/db', 'a=1'])
    for (const mount of ['s/data', 's/db', 'shopping/eu', 'shopping', 'shopping/eu/s/db', '..', 'x/../s'])
      expect((await shell.run(['kv', 'metadata', 'delete', `-mount=${mount}`, 'db'])).code, mount).to.not.equal(0)
    expect((await done(['kv', 'get', '-field=a', 's/db'])).out).to.equal('1')
  })

  it('takes names as they are: spaces, signs of URLs and shells, and letters of any script', async () => {
    const names = fc
      .string({
        unit: fc.constantFrom(...Array.from(' %?#&=+$`"\'\\;!*()[]{}<>|~@:,.aé日/')),
        minLength: 1,
        maxLength: 12,
      })
      .filter((name) => !/(^|\/)\.{0,2}(\/|$)/.test(name))
    await fc.assert(
      fc.asyncProperty(names, fc.constantFrom('s', 'old'), async (name, mount) => {
        await done(['kv', 'put', `-mount=${mount}`, name, `v=x${name}`])
        expect((await done(['kv', 'get', '-field=v', `${mount}/${name}`])).out).to.equal(`x${name}`)
        const inApi = `${mount === 's' ? 's/data' : mount}/${name.split('/').map(encodeURIComponent).join('/')}`
        const { data } = (await server.call('GET', `/v1/${inApi}`)).body as { data: { data?: object } }
        expect(data.data ?? data).to.deep.equal({ v: `x${name}` })
        await done(['kv', 'delete', `${mount}/${name}`])
        expect((await server.call('GET', `/v1/${inApi}`)).status).to.equal(404)
      }),
      { numRuns: 60 },
    )
    const path = 'old/a?b=c'
    await done(['write', path, 'x=1'])
    expect((await done(['read', '-field=x', path])).out).to.equal('1')
    await done(['delete', path])
    expect((await shell.run(['read', path])).code).to.equal(2)
  })

  it('deletes only the named secret, even if another differs by one space', async () => {
    for (const mount of ['s', 'old']) {
      await done(['kv', 'put', `${mount}/y`, 'a=1'])
      for (const path of [
        `${mount}/y `,
        ` ${mount}/y`,
        `${mount}/y\t`,
        `${mount}/y\u3000`,
        `${mount}//y`,
        `${mount}/./y`,
      ])
        for (const words of [['kv', 'delete'], ['delete'], ['kv', 'metadata', 'delete']])
          await shell.run([...words, path])
      expect((await done(['kv', 'get', '-field=a', `${mount}/y`])).out, mount).to.equal('1')
    }
    await done(['secrets', 'enable', '-path=gone', 'kv'])
    for (const path of ['gone ', ' gone', 'gone/..', 'x//gone']) await shell.run(['secrets', 'disable', path])
    expect((await done(['secrets', 'list'])).out).to.include('gone/')
    for (const name of [' keep', 'keep ', '\u212aeep'])
      expect((await done(['policy', 'delete', '-output-curl-string', name])).out).to.include(
        `/${encodeURIComponent(name)}"`,
      )
  })

  it('refuses an empty argument, as of a variable that is not set', async () => {
    for (const line of [
      'namespace lock ',
      'namespace delete ',
      'token revoke ',
      'unwrap ',
      'kv metadata delete -mount=s ',
    ])
      expect((await shell.run(line)).err, line).to.include('is empty')
    expect((await shell.run('token create -role= -field=token')).code).to.equal(1)
    expect((await shell.run('kv get -wrap-ttl= s/db')).out).to.equal('')
  })

  it('refuses versions where a store has none, instead of doing more than was asked for', async () => {
    await done(['kv', 'put', 'old/v', 'a=1'])
    for (const line of [
      'kv put -cas=0 old/v a=2',
      'kv put -cas=7 -mount=old v a=2',
      'kv delete -versions=7 old/v',
      'kv get -version=7 old/v',
      'kv patch -cas=1 old/v a=2',
      'kv rollback -version=1 old/v',
      'kv destroy -versions=1 old/v',
    ])
      expect((await shell.run(line)).code, line).to.be.greaterThan(0)
    await done(['kv', 'put', 's/v', 'a=1'])
    for (const line of [
      'kv put -cas=-1 s/v a=2',
      'kv put -cas= s/v a=2',
      'kv delete -versions= s/v',
      'kv delete -versions=, s/v',
    ])
      expect((await shell.run(line)).code, line).to.equal(1)
    expect((await shell.run('kv patch -method=rw -cas=9 s/v a=2')).code).to.equal(2)
    for (const path of ['old/v', 's/v']) expect((await done(['kv', 'get', '-field=a', path])).out, path).to.equal('1')
  })

  it('prints a curl command that any shell passes on byte by byte', async () => {
    const folder = temporaryFolder()
    const fake = join(folder, 'curl')
    writeFileSync(fake, '#!/bin/sh\nfor word; do printf "%s\\0" "$word"; done\n', { mode: 0o755 })
    writeFileSync(join(folder, 'strongroom'), '#!/bin/sh\necho the-token\n', { mode: 0o755 })
    const evil = fc.string({
      unit: fc.constantFrom(...Array.from('$(touch x)`id`"\'\\!*?[]{}~#&|;<> \n\té%=/-@')),
      minLength: 1,
      maxLength: 20,
    })
    const segment = evil.map((text) => text.replaceAll('/', '')).filter((text) => !/^\.{0,2}$/.test(text))
    await fc.assert(
      fc.asyncProperty(segment, evil, segment, async (path, value, header) => {
        const note = header.replace(/[\n\t]/g, '')
        const words = [`-header=X-Note=x${note}`, `s/${path}`, `k=x${value}`]
        const { out } = await done(['write', '-output-curl-string', ...words])
        const ran = spawnSync('sh', ['-c', out], {
          cwd: folder,
          env: { PATH: `${folder}:${process.env['PATH']}` },
          encoding: 'utf8',
        })
        const passed = ran.stdout.split('\0').slice(0, -1)
        const [url = '', data = ''] = [passed.at(-1), passed.at(-2)]
        expect(ran.status).to.equal(0)
        expect(passed).to.include('X-Vault-Token: the-token')
        expect(decodeURIComponent(new URL(url).pathname)).to.equal(`/v1/s/${path}`)
        expect((JSON.parse(data) as { k: string }).k).to.equal(`x${value}`)
        expect(passed.find((word) => word.startsWith('X-Note: '))?.slice(8)).to.equal(`x${note}`)
      }),
      { numRuns: 60 },
    )
  })
})
