import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { ProcessServer } from '../../support/processes/process-server.ts'
import { program } from '../../support/program.ts'

const server = new ProcessServer()
const file = join(server.folder, 'migrate.hcl')
const destination = join(server.folder, 'new')

function configure(from = server.data, to = destination): void {
  writeFileSync(file, `storage_source "level" { path = "${from}" }\nstorage_destination "level" { path = "${to}" }\n`)
}

async function migrate(...flags: readonly string[]) {
  return promisify(execFile)(process.execPath, [program, 'operator', 'migrate', `-config=${file}`, ...flags])
}

const refused = async (): Promise<string> =>
  migrate().then(
    () => '',
    ({ stderr }: { readonly stderr: string }) => stderr,
  )

const namesIn = (folder: string): readonly string[] => (existsSync(folder) ? readdirSync(folder) : [])

describe('operator migrate', () => {
  before(async () => {
    configure()
    await server.start()
    await server.init()
    await server.unseal()
    await server.done('POST', 'sys/mounts/secret', { type: 'kv', options: { version: '2' } })
    for (let at = 0; at < 50; at++) await server.done('POST', `secret/data/s${at}`, { data: { value: `secret ${at}` } })
  })
  after(async () => server.kill())

  it('refuses while a server uses the source', async () => {
    expect(await refused()).to.match(/another process/)
    expect(existsSync(destination)).to.equal(false)
  })

  it('refuses a source without data, the same folder twice, and memory', async () => {
    await server.kill('SIGTERM')
    configure(join(server.folder, 'nothing'))
    expect(await refused()).to.match(/storage_source\): there is no data/)
    configure(server.data, `${server.data}/../data`)
    expect(await refused()).to.match(/are the same folder/)
    writeFileSync(file, 'storage_source "inmem" {}\nstorage_destination "level" { path = "/x" }')
    expect(await refused()).to.match(/migrate\.hcl:1: storage_source "inmem": memory ends with its server/)
    writeFileSync(file, `storage_source "level" { path = "${server.data}" }`)
    expect(await refused()).to.match(/needs two blocks/)
    writeFileSync(
      file,
      'storage_source "level" {\n path = "/x"\n min_free_bytes = -1 }\nstorage_destination "leveldb" {}',
    )
    expect(await refused()).to.match(
      /migrate\.hcl:3: min_free_bytes must be.*\n.*migrate\.hcl:4: storage "leveldb" is not/,
    )
    writeFileSync(file, 'storage "level" { path = "/x" }')
    expect(await refused()).to.match(/migrate\.hcl:1: "storage" is not a setting of a migration/)
  })

  it('is run again after it was killed, at any step', async () => {
    configure()
    for (const state of [/^LOCK$/, /^CURRENT$/, /^restoring-/]) {
      const child = execFile(process.execPath, [program, 'operator', 'migrate', `-config=${file}`])
      const ended = once(child, 'exit')
      while (child.exitCode === null && !namesIn(destination).some((name) => state.test(name)))
        await new Promise(setImmediate)
      child.kill('SIGKILL')
      expect(await ended).to.deep.equal([null, 'SIGKILL'])
      expect(namesIn(destination)).to.not.include('ACTIVE')
    }
    const { stdout, stderr } = await migrate('-format=json')
    const result = JSON.parse(stdout) as { readonly records: number; readonly sha256: string }
    expect(result.records).to.be.greaterThan(100)
    expect(result.sha256).to.match(/^[0-9a-f]{64}$/)
    expect(stderr).to.equal('')
    expect(readdirSync(destination).filter((name) => name.startsWith('restoring-'))).to.deep.equal([])
  })

  it('refuses a destination that has data', async () => {
    expect(await refused()).to.match(/storage_destination\): it has data of a server already/)
    mkdirSync(join(server.folder, 'other'))
    writeFileSync(join(server.folder, 'other', 'notes.txt'), 'mine')
    configure(server.data, join(server.folder, 'other'))
    expect(await refused()).to.match(/has other files/)
    expect(readdirSync(join(server.folder, 'other'))).to.deep.equal(['notes.txt'])
  })

  it('takes all data along: the same shares unseal, every secret is there', async () => {
    const config = readFileSync(server.config, 'utf8')
    writeFileSync(server.config, config.replace(server.data, destination))
    await server.start()
    await server.unseal()
    for (let at = 0; at < 50; at++) {
      const { data } = (await server.done('GET', `secret/data/s${at}`)) as { readonly data: { readonly data: object } }
      expect(data.data).to.deep.equal({ value: `secret ${at}` })
    }
    await server.done('POST', 'secret/data/new', { data: { value: 'later' } })
    await server.kill()
    await server.start()
    await server.unseal()
    expect((await server.call('GET', 'secret/data/new')).status).to.equal(200)
  })
})
