import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { leaveOut } from '../support/leave-out.ts'
import { Mariadb, hasMariadb } from '../support/services/mariadb.ts'
import { devServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'

const rules = `
path "mariadb/data/*" { capabilities = ["read"] }
path "sys/mounts/mariadb/tune" { capabilities = ["read"] }
path "auth/token/renew-self" { capabilities = ["update"] }
`

describe('MariaDB with its keys in our key-value store', function () {
  this.timeout(120_000)
  let server: TestServer
  let database: Mariadb
  let source: { readonly url: string; readonly token: string }

  before(async function () {
    if (!hasMariadb()) leaveOut(this, 'no MariaDB with its key plugin on this machine: `make test-mariadb` brings it')
    server = await devServer()
    await server.data('POST', 'sys/mounts/mariadb', { type: 'kv', options: { version: '2' } })
    for (const id of [1, 2]) await newKey(id)
    const token = await server.tokenWith(rules, { period: '72h', no_parent: true })
    source = { url: `${server.running.address}/v1/mariadb`, token }
    database = new Mariadb()
    await database.start(source)
  })
  after(async () => {
    await database?.stop()
    await server?.running.stop()
  })

  /** A new version of a key: 256 bits in hexadecimal, as the plugin wants them. */
  const newKey = async (id: number) =>
    server.data('POST', `mariadb/data/${id}`, { data: { data: randomBytes(32).toString('hex') } })
  const rows = async (table: string) => database.query(`select count(*), min(name), max(name) from app.${table}`)
  /** The oldest version of its key that a table still uses. */
  const oldestKey = async () =>
    database.query(
      "select min_key_version from information_schema.innodb_tablespaces_encryption where name = 'app/sealed'",
    )

  it('encrypts tables: their content is nowhere in their files', async () => {
    await database.query('create database app')
    const columns = '(id int primary key, name varchar(200)) engine = innodb'
    await database.query(`create table app.sealed ${columns} encrypted = yes encryption_key_id = 2`)
    await database.query(`create table app.open ${columns} encrypted = no`)
    for (const table of ['sealed', 'open'])
      await database.query(
        `insert into app.${table} select seq, concat('customer of the bank ', seq) from app.seq_1_to_5000`,
      )
    await database.stop()
    expect(database.file('open').includes('customer of the bank')).to.equal(true)
    expect(database.file('sealed').includes('customer of the bank')).to.equal(false)
    await database.start(source)
    expect(await rows('sealed')).to.equal(await rows('open'))
  })

  it('follows a rotation: new versions of the secret, and every page is written with the newest', async () => {
    expect(await oldestKey()).to.equal('1')
    // Its rule is "older than the newest by more than innodb_encryption_rotate_key_age", which is at least 1.
    await newKey(2)
    await newKey(2)
    await database.query('insert into app.sealed values (9999, "after")')
    // Running on, it would ask for new versions once a minute.
    await database.stop()
    await database.start(source)
    const deadline = performance.now() + 60_000
    while ((await oldestKey()) !== '3') expect(performance.now(), 'rotating').to.be.lessThan(deadline)
    await database.stop()
    expect(database.file('sealed').includes('customer of the bank')).to.equal(false)
    await database.start(source)
    expect(await rows('sealed')).to.match(/^5001\tafter\t/)
  })

  it('cannot read its tables once its token is revoked, and can again with another', async () => {
    await database.stop()
    await server.data('POST', 'auth/token/revoke', { token: source.token })
    const refused = await database.start(source).then(
      async () => rows('sealed').catch(String),
      (thrown: unknown) => String(thrown),
    )
    expect(refused).to.match(/not start|encrypted|Got error|doesn't exist/)
    await database.stop()
    await database.start({ ...source, token: await server.tokenWith(rules, { period: '72h', no_parent: true }) })
    expect(await rows('sealed')).to.match(/^5001\t/)
  })
})
