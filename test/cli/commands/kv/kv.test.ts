import { expect } from 'chai'
import { scripted } from '../../support.ts'
import type { Scripted } from '../../support.ts'

const mountAt = (path: string, version: '1' | '2'): Scripted => ({ body: { data: { path, options: { version } } } })
const metadata = { created_time: 't', custom_metadata: null, deletion_time: '', destroyed: false, version: 3 }
const second = mountAt('secret/', '2')

describe('kv, against a scripted store', () => {
  it('looks up the version of the store, and adds data/ to paths of version 2 only', async () => {
    const script = {
      'GET /v1/sys/internal/ui/mounts/secret/a': [second],
      'GET /v1/secret/data/a': [{ body: { data: { data: { x: '1' }, metadata } } }],
      'GET /v1/sys/internal/ui/mounts/old/a': [mountAt('old/', '1')],
      'GET /v1/old/a': [{ body: { data: { x: '1' } } }],
    }
    await scripted(script, async (shell) => {
      expect((await shell.run('kv get secret/a')).out).to.equal(
        '== Secret Path ==\nsecret/data/a\n\n======= Metadata =======\nKey                Value\n---                -----\ncreated_time       t\ncustom_metadata    <nil>\ndeletion_time      n/a\ndestroyed          false\nversion            3\n\n== Data ==\nKey    Value\n---    -----\nx      1\n',
      )
      expect((await shell.run('kv get old/a')).out).to.equal('== Data ==\nKey    Value\n---    -----\nx      1\n')
      expect((await shell.run('kv get -field=x secret/a')).out).to.equal('1')
    })
  })

  it('finds the store behind a namespace in the path, and with -mount', async () => {
    const script = {
      'GET /v1/sys/internal/ui/mounts/north/team/red/a': [mountAt('north/team/red/', '2')],
      'GET /v1/sys/internal/ui/mounts/team/red': [mountAt('team/red/', '2')],
    }
    await scripted(script, async (shell, server) => {
      expect((await shell.run('kv get north/team/red/a')).err).to.equal('No value found at north/team/red/data/a\n')
      await shell.run('kv get -mount=/team/red/ /a/')
      expect(server.lines).to.include('GET /v1/team/red/data/a')
    })
  })

  it('does nothing if it is not clear which part of the path is the mount', async () => {
    const script = {
      'GET /v1/sys/internal/ui/mounts/north/team/red/a': [mountAt('team/red/', '2')],
      'GET /v1/sys/internal/ui/mounts/a/a/a/x': [mountAt('a/a/a/', '2')],
      'GET /v1/sys/internal/ui/mounts/secret/deep': [second],
      'GET /v1/sys/internal/ui/mounts/auth/token/x': [mountAt('token/', '1')],
    }
    await scripted(script, async (shell, server) => {
      for (const line of [
        'kv delete north/team/red/a',
        'kv metadata delete -namespace=a a/a/a/x',
        'kv delete -mount=secret/deep a',
        'kv delete auth/token/x',
      ])
        expect((await shell.run(line)).code, line).to.equal(1)
      expect(server.lines.filter((line) => !line.startsWith('GET /v1/sys/internal/'))).to.deep.equal([])
      expect((await shell.run('kv delete -mount=secret/deep a')).err).to.include('-mount=secret,')
    })
  })

  it('writes with check-and-set only if it is asked for', async () => {
    const script = {
      'GET /v1/sys/internal/ui/mounts/secret/a': [second],
      'PUT /v1/secret/data/a': [{ body: { data: metadata } }],
    }
    await scripted(script, async (shell, server) => {
      await shell.run('kv put secret/a x=1')
      await shell.run('kv put -cas=0 secret/a x=1')
      expect(
        server.seen.filter(({ body }) => body !== '').map(({ body }) => JSON.parse(body) as unknown),
      ).to.deep.equal([
        { data: { x: '1' }, options: {} },
        { data: { x: '1' }, options: { cas: 0 } },
      ])
    })
  })

  it('says which keys a put dropped, if there was a version before and it may be read, and never fails for that', async () => {
    const mount = { 'GET /v1/sys/internal/ui/mounts/secret/a': [second] }
    const put = { 'PUT /v1/secret/data/a': [{ body: { data: metadata } }] }
    const before = { data: { data: { x: 'old', y: 'hidden', z: '3' }, metadata: { ...metadata, version: 2 } } }
    await scripted({ ...mount, ...put, 'GET /v1/secret/data/a?version=2': [{ body: before }] }, async (shell) => {
      const { code, out, err } = await shell.run('kv put -format=json secret/a x=1')
      expect(code).to.equal(0)
      expect((JSON.parse(out) as { data: unknown }).data).to.deep.equal(metadata)
      expect(err)
        .to.match(/^Version 2 also contained "y", "z": .*kv patch.*-version=2/)
        .and.not.include('hidden')
      expect((await shell.run('kv put secret/a x=1 y=2 z=3')).err).to.equal('')
    })
    const refused = { status: 403, body: { errors: ['permission denied'] } }
    await scripted({ ...mount, ...put, 'GET /v1/secret/data/a?version=2': [refused] }, async (shell) => {
      const { code, err } = await shell.run('kv put secret/a x=1')
      expect([code, err]).to.deep.equal([0, ''])
    })
    const first = { 'PUT /v1/secret/data/a': [{ body: { data: { ...metadata, version: 1 } } }] }
    await scripted({ ...mount, ...first }, async (shell, server) => {
      await shell.run('kv put secret/a x=1')
      expect(server.lines.at(-1)).to.equal('PUT /v1/secret/data/a')
    })
  })

  it('says that a flag after the path is stored as data', async () => {
    const script = {
      'GET /v1/sys/internal/ui/mounts/secret/a': [second],
      'PUT /v1/secret/data/a': [{ body: { data: metadata } }],
    }
    await scripted(script, async (shell) => {
      const { code, err } = await shell.run('kv put secret/a x=1 -cas=7')
      expect([code, err]).to.satisfy(([c, e]: [number, string]) => c === 0 && e.includes('-cas comes after'))
    })
  })

  it('patches by reading and writing where patching is forbidden, without losing a write in between', async () => {
    const script = {
      'GET /v1/sys/internal/ui/mounts/secret/a': [second],
      'PATCH /v1/secret/data/a': [{ status: 403, body: { errors: ['permission denied'] } }],
      'GET /v1/secret/data/a': [{ body: { data: { data: { x: '1', y: '2' }, metadata } } }],
      'PUT /v1/secret/data/a': [{ body: { data: metadata } }],
    }
    await scripted(script, async (shell, server) => {
      expect((await shell.run('kv patch secret/a y=3')).code).to.equal(0)
      expect(JSON.parse(server.seen.at(-1)?.body ?? '')).to.deep.equal({
        data: { x: '1', y: '3' },
        options: { cas: 3 },
      })
      expect((await shell.run('kv patch -method=patch secret/a y=3')).code).to.equal(2)
    })
  })

  it('shows a deleted version without its data, and gives no field of it', async () => {
    const gone = { status: 404, body: { data: { data: null, metadata: { ...metadata, deletion_time: 'then' } } } }
    const script = { 'GET /v1/sys/internal/ui/mounts/secret/a': [second], 'GET /v1/secret/data/a': [gone] }
    await scripted(script, async (shell) => {
      const { code, out } = await shell.run('kv get secret/a')
      expect(code).to.equal(0)
      expect(out)
        .to.match(/version +3\n\n$/)
        .and.not.include('Data ==')
      expect(await shell.run('kv get -field=x secret/a')).to.include({
        code: 2,
        err: 'No data found at secret/data/a\n',
      })
    })
  })

  it('refuses commands about versions where there are none', async () => {
    await scripted({ 'GET /v1/sys/internal/ui/mounts/old/a': [mountAt('old/', '1')] }, async (shell) => {
      expect((await shell.run('kv patch old/a x=1')).code).to.equal(2)
      expect((await shell.run('kv rollback -version=1 old/a')).code).to.equal(2)
      expect((await shell.run('kv undelete -versions=1 old/a')).code).to.equal(1)
      expect((await shell.run('kv metadata get old/a')).code).to.equal(1)
    })
  })

  it('treats a refused lookup as an error, not as version 1', async () => {
    const denied = { status: 403, body: { errors: ['permission denied'] } }
    await scripted({ 'GET /v1/sys/internal/ui/mounts/secret/a': [denied] }, async (shell, server) => {
      expect((await shell.run('kv put secret/a x=1')).err).to.match(/^Error making API request/)
      expect(server.seen).to.have.length(1)
    })
  })
})
