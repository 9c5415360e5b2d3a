import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Decrypter, generateHybridIdentity, generateX25519Identity, identityToRecipient } from 'age-encryption'
import { expect } from 'chai'
import { temporaryFolder } from '../../support/folder.ts'
import { initialised, unseal } from '../../support/server.ts'
import { SchedulingServer, keptIn } from '../../support/storages/scheduled.ts'
import { unsealRestored, upload } from '../../support/storages/snapshot-files.ts'

const day = 86_400
const config = '/v1/sys/storage/raft/snapshot-auto/config'
const local = { storage_type: 'local', interval: '24h', retain: 3 }

describe('sys/storage/raft/snapshot-auto', () => {
  let backups: string
  let made: SchedulingServer
  beforeEach(async () => {
    backups = temporaryFolder()
    made = await SchedulingServer.unsealed(backups)
  })
  afterEach(async () => made.server.running.stop())
  const files = (folder = backups): readonly string[] => readdirSync(folder).sort()
  const isGood = ({ last_success: good, consecutive_errors: errors }: Readonly<Record<string, unknown>>): boolean => good !== '' && errors === 0 // prettier-ignore
  const hasKept = (count: number) => (status: Readonly<Record<string, unknown>>) => keptIn(status).length === count

  it('makes a snapshot at once and then at its interval, which restores', async () => {
    const { server } = made
    await made.configure('nightly', { ...local, path_prefix: 'nightly/' })
    expect(await made.status('nightly')).to.include({ last_success: '', next_snapshot_start: '2030-01-01T00:00:00.000000000Z' })
    const status = await made.after(10, 'nightly', isGood)
    const name = 'strongroom-20300101T000010Z.snap'
    expect(keptIn(status)).to.deep.equal([name])
    expect(status).to.include({ last_snapshot_url: `file:nightly/${name}`, last_snapshot_error: '', next_snapshot_start: '2030-01-02T00:00:10.000000000Z' })
    expect(files(join(backups, 'nightly'))).to.deep.equal([name])
    const path = join(backups, 'nightly', name)
    expect([statSync(path).mode & 0o777, statSync(path).size]).to.deep.equal([0o600, status['last_size']])
    const { sha256 } = (await upload(server, readFileSync(path), '-verify')).body['data'] as Record<string, unknown>
    expect(readFileSync(join(server.folder, 'audit.log'), 'utf8')).to.match(new RegExp(`"config":"nightly"[^\\n]*"sha256":"${String(sha256)}"|"sha256":"${String(sha256)}"[^\\n]*"config":"nightly"`))
    expect(made.events('backup_done')).to.have.length(1)
    expect(made.events('backup_done')[0]).to.include({ config: 'nightly', file: name, bytes: status['last_size'], sha256: status['last_sha256'] })
    await made.after(day - 20, 'nightly', hasKept(1))
    await made.after(20, 'nightly', hasKept(2))
    await server.data('POST', 'kv/app', { password: 'changed' })
    expect((await upload(server, readFileSync(path))).status).to.equal(200)
    expect(await unsealRestored(server)).to.include('"sealed":false')
    expect(await server.data('GET', 'kv/app')).to.include({ password: 'of the app' })
  }) // prettier-ignore

  it('keeps the newest good ones, and removes nothing that it did not make', async () => {
    const foreign = ['strongroom-20200101T000000Z.snap', 'strongroom-old.snap', 'notes.txt']
    for (const name of foreign) writeFileSync(join(backups, name), 'of somebody else')
    await made.configure('nightly', { ...local, retain: 2, path_prefix: backups })
    await made.after(10, 'nightly', hasKept(1))
    const first = await made.after(day, 'nightly', hasKept(2))
    const status = await made.after(day, 'nightly', ({ last_success: good }) => good !== first['last_success'])
    expect(files()).to.deep.equal([...foreign, ...keptIn(status)].sort())
    expect(keptIn(status)).to.deep.equal(['strongroom-20300102T000010Z.snap', 'strongroom-20300103T000010Z.snap'])
  })

  it('makes up for those that were missed, once, after the unseal', async () => {
    await made.configure('nightly', local)
    await made.after(10, 'nightly', hasKept(1))
    await made.server.data('PUT', 'sys/seal')
    made.clock.advance(10 * day * 1000)
    await unseal(made.server)
    const status = await made.after(10, 'nightly', hasKept(2))
    expect(status['next_snapshot_start']).to.equal('2030-01-12T00:00:20.000000000Z')
    await made.after(3600, 'nightly', hasKept(2))
    expect(await made.metric('age_seconds', 'nightly')).to.equal(3600)
  })

  it('reports a failure, tries again soon, and keeps older snapshots', async () => {
    await made.configure('nightly', { ...local, retain: 1 })
    await made.after(10, 'nightly', isGood)
    renameSync(backups, `${backups}-away`)
    const failed = await made.after(day, 'nightly', ({ consecutive_errors: errors }) => errors === 1)
    expect(failed['last_snapshot_error']).to.equal('the folder of backup_folder is not there: is its file system mounted?')
    expect([failed['last_success'], failed['next_snapshot_start']]).to.deep.equal(['2030-01-01T00:00:10.000000000Z', '2030-01-02T00:01:10.000000000Z'])
    await made.after(60, 'nightly', ({ consecutive_errors: errors }) => errors === 2)
    const third = await made.after(120, 'nightly', ({ consecutive_errors: errors }) => errors === 3)
    expect(third['next_snapshot_start']).to.equal('2030-01-02T00:07:10.000000000Z')
    expect(made.events('backup_failed').map(({ why, next }) => [why, next])).to.deep.include([failed['last_snapshot_error'], failed['next_snapshot_start']])
    expect([await made.metric('age_seconds', 'nightly'), await made.metric('save_errors', 'nightly'), await made.metric('interval_seconds', 'nightly')]).to.deep.equal([day + 180, 3, day])
    renameSync(`${backups}-away`, backups)
    // A change may be what was needed: it is tried at once.
    await made.configure('nightly', { retain: 2 })
    const mended = await made.after(10, 'nightly', isGood)
    expect(files()).to.deep.equal(keptIn(mended))
    expect(files()).to.have.length(2)
  }) // prettier-ignore

  it('refuses a folder that is not below that of the configuration file, and everything else that cannot be', async () => {
    const write = async (more: object) => made.server.call('POST', `${config}/a`, { ...local, ...more })
    for (const path_prefix of ['..', 'a/../..', '/etc', '/', `${backups}-other`, `${backups}/../x`, '.hidden', 'a b', 'a\0'])
      expect((await write({ path_prefix })).status, path_prefix).to.equal(400)
    for (const more of [{ interval: 59 }, { interval: 0 }, { retain: 0 }, { retain: -1 }, { retain: 1001 }, { storage_type: 'azure-blob' }, { storage_type: '' }, { file_prefix: '../a' }, { file_prefix: '' }, { local_max_space: 0 }, { local_max_space: '' }, { age_recipients: '' }, { age_recipients: ['age1x'] }, { age_recipients: ['AGE-SECRET-KEY-1QQQ'] }])
      expect((await write(more)).status, JSON.stringify(more)).to.equal(400)
    expect((await write({ age_recipients: ['AGE-SECRET-KEY-1QQQ'] })).text).to.not.include('1QQQ')
    expect((await made.server.call('POST', `${config}/a`, { storage_type: 'local' })).text).to.include("'interval' must be set")
    for (const name of ['a b', '.a', 'a'.repeat(65)]) expect((await made.server.call('POST', `${config}/${encodeURIComponent(name)}`, local)).status).to.equal(400)
    expect((await made.server.call('LIST', config)).status).to.equal(404)
    expect((await made.server.call('GET', `${config}/a`)).status).to.equal(404)
    await made.configure('a', { ...local, path_prefix: 'x/' })
    expect((await made.server.call('POST', `${config}/b`, { ...local, path_prefix: `${backups}/x` })).text).to.include('the configuration a has the same path_prefix and file_prefix')
    await made.configure('b', { ...local, path_prefix: `${backups}/x`, file_prefix: 'other' })
    expect(await made.server.data('GET', 'sys/storage/raft/snapshot-auto/config/b')).to.deep.equal({ name: 'b', interval: day, retain: 3, storage_type: 'local', path_prefix: `${backups}/x`, file_prefix: 'other', age_recipients: [] })
    expect((await made.server.data('LIST', 'sys/storage/raft/snapshot-auto/config'))['keys']).to.deep.equal(['a', 'b'])
    await made.server.data('DELETE', 'sys/storage/raft/snapshot-auto/config/a')
    expect((await made.server.data('LIST', 'sys/storage/raft/snapshot-auto/config'))['keys']).to.deep.equal(['b'])
    const token = await made.server.tokenWith('path "sys/storage/raft/snapshot-auto/*" { capabilities = ["create", "read", "update", "delete", "list"] }')
    for (const [verb, path] of [['POST', '/b'], ['GET', '/b'], ['DELETE', '/b'], ['LIST', '']] as const)
      expect((await made.server.call(verb, `${config}${path}`, verb === 'POST' ? local : undefined, { 'X-Vault-Token': token })).status).to.equal(403)
    expect((await made.server.call('GET', '/v1/sys/storage/raft/snapshot-auto/status/b', undefined, { 'X-Vault-Token': token })).status).to.equal(200)
  }) // prettier-ignore

  it('writes nowhere without a backup_folder', async () => {
    const other = await SchedulingServer.on(temporaryFolder(), undefined)
    await initialised(other.server)
    await unseal(other.server)
    const refused = await other.server.call('POST', `${config}/a`, { ...local, path_prefix: temporaryFolder() })
    expect([refused.status, refused.text.includes('backup_folder')]).to.deep.equal([400, true])
    await other.server.running.stop()
  })

  it('needs no more space than local_max_space, and removes no good one for a new one', async () => {
    await made.configure('nightly', { ...local, retain: 1 })
    const { last_size: size } = await made.after(10, 'nightly', isGood)
    await made.configure('nightly', { local_max_space: Math.floor(Number(size) * 1.5) })
    const failed = await made.after(day, 'nightly', ({ consecutive_errors: errors }) => errors === 1)
    expect(failed['last_snapshot_error']).to.include('local_max_space')
    expect(files()).to.deep.equal(keptIn(failed))
    expect(await made.metric('percent_maxspace_used', 'nightly')).to.be.within(60, 70)
    await made.configure('nightly', { local_max_space: Number(size) * 4 })
    await made.after(10, 'nightly', isGood)
  })

  it('replaces the remains of one after a crash, and takes no name from another file', async () => {
    const { cluster_id: id } = (await made.server.call('GET', '/v1/sys/health')).body
    writeFileSync(join(backups, `.${String(id)}-nightly.part`), 'left over')
    writeFileSync(join(backups, 'strongroom-20300101T000010Z.snap'), 'of another server')
    await made.configure('nightly', local)
    const failed = await made.after(10, 'nightly', ({ consecutive_errors: errors }) => errors === 1)
    expect(failed['last_snapshot_error']).to.equal('the folder cannot be used (EEXIST)')
    expect(readFileSync(join(backups, 'strongroom-20300101T000010Z.snap'), 'utf8')).to.equal('of another server')
    await made.after(60, 'nightly', isGood)
    expect(files()).to.deep.equal(['strongroom-20300101T000010Z.snap', 'strongroom-20300101T000110Z.snap'])
  })

  it('never removes the backups of the server that it was restored from', async () => {
    const { server } = made
    await made.configure('nightly', { ...local, retain: 1 })
    await made.after(10, 'nightly', hasKept(1))
    const second = await made.after(day, 'nightly', ({ last_success: good }) => String(good).startsWith('2030-01-02'))
    const [name = ''] = keptIn(second)
    expect((await upload(server, readFileSync(join(backups, name)))).status).to.equal(200)
    expect(await unsealRestored(server)).to.include('"sealed":false')
    const after = await made.after(10, 'nightly', isGood)
    expect(files()).to.deep.equal([name, ...keptIn(after)])
  })

  for (const [kind, identity] of [
    ['X25519', generateX25519Identity],
    ['post-quantum', generateHybridIdentity],
  ] as const)
    it(`encrypts to a recipient of age (${kind})`, async () => {
      const secret = await identity()
      const recipient = await identityToRecipient(secret)
      await made.configure('away', { ...local, age_recipients: [recipient] })
      const status = await made.after(10, 'away', isGood)
      const [name = ''] = keptIn(status)
      expect(name).to.match(/\.snap\.age$/)
      const decrypter = new Decrypter()
      decrypter.addIdentity(secret)
      const file = readFileSync(join(backups, name))
      expect((await upload(made.server, file, '-verify')).status).to.equal(400)
      const plain = await decrypter.decrypt(file)
      expect((await upload(made.server, plain, '-verify')).status).to.equal(200)
      const other = await identityToRecipient(await (kind === 'X25519' ? generateHybridIdentity() : generateX25519Identity())) // prettier-ignore
      const mixed = await made.server.call('POST', `${config}/away`, { age_recipients: [recipient, other] })
      expect(mixed.text).to.include('cannot be mixed')
    })

  it('goes on after a restart, whose metrics know the last good one', async () => {
    await made.configure('nightly', local)
    await made.after(10, 'nightly', hasKept(1))
    const { folder, shares, token } = made.server
    await made.server.running.stop()
    mkdirSync(backups, { recursive: true })
    const again = await SchedulingServer.on(folder, backups, made.clock)
    Object.assign(again.server, { shares, token })
    made = again
    await unseal(again.server)
    expect(await again.metric('age_seconds', 'nightly')).to.equal(0)
    await again.after(day, 'nightly', hasKept(2))
    rmSync(join(backups, keptIn(await again.status('nightly'))[0] as string))
    await again.configure('nightly', { retain: 1 })
    await again.after(day, 'nightly', hasKept(1))
    expect(again.events('backup_not_removed')).to.deep.equal([])
  })
})
