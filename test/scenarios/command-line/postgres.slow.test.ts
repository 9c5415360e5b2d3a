import { readFileSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { examplesOf } from '../../docs/runner/examples.ts'
import type { Example } from '../../docs/runner/examples.ts'
import { Reader } from '../../docs/runner/reader.ts'
import { leaveOut } from '../../support/leave-out.ts'
import { Postgres, postgresPrograms } from '../../support/services/postgres.ts'
import { devServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'

const rows = `
create table orders (id bigint primary key, customer text not null, paid numeric(12,2), at timestamptz, receipt bytea);
create index on orders (customer);
insert into orders select n, 'Größe ' || n, n * 1.01, timestamptz '2026-01-01 UTC' + n * interval '1 hour',
  decode(string_agg(md5((n * 1000 + part)::text), ''), 'hex')
  from generate_series(1, 2000) n, generate_series(1, 60) part group by n;
create view late as select id from orders where at > '2026-02-01';
comment on table orders is 'a real one; with '' quotes';
`

describe('docs/backups.md, followed with a real PostgreSQL', function () {
  this.timeout(60_000)
  const examples = examplesOf('docs/backups.md', 'postgres')
  let server: TestServer
  let postgres: Postgres
  let reader: Reader

  before(async function () {
    const programs = postgresPrograms()
    if (programs === undefined) leaveOut(this, 'no PostgreSQL on this machine: `make test-postgres` brings it')
    server = await devServer()
    postgres = new Postgres(programs)
    await postgres.start()
    postgres.query('create database orders')
    postgres.query(rows, 'orders')
    reader = new Reader({ ...postgres.env, VAULT_ADDR: server.running.address, VAULT_TOKEN: 'root' })
  })
  after(async () => {
    await postgres?.stop()
    await server?.running.stop()
  })

  it('backs up and restores the same database, from a file and from a stream, and after a rotation', async () => {
    const printed: string[] = []
    for (const example of examples) printed.push(await reader.follows(example))
    const [, , header = '', restore = '', , rotation = ''] = printed
    expect(header).to.include('"key": "backups"')
    expect(restore).to.match(/^intact: \d{6,} bytes under version 1 /)
    expect(rotation)
      .to.match(/Rewrapped from version 1 to 2: orders.env\n/)
      .and.to.match(/intact: \d+ bytes under version 2 /)
    const original = postgres.dump('orders')
    expect(original).to.have.length.greaterThan(3_000_000)
    for (const copy of ['restored', 'streamed']) expect(postgres.dump(copy) === original, copy).to.equal(true)
  })

  it('leaves nothing of the database readable in the backup', () => {
    const backup = readFileSync(join(reader.folder, 'orders.env'))
    for (const text of ['PGDMP', 'orders_pkey', 'Größe']) expect(backup.includes(text), text).to.equal(false)
  })

  it('does not let the host that made a backup open it', async () => {
    const attempt = 'VAULT_TOKEN=$(cat writer.token) strongroom transit envelope decrypt orders.env x 2>&1 || ls'
    const printed = await reader.follows(shell(attempt))
    expect(printed).to.include('permission denied').and.to.not.match(/^x$/m)
  })

  it('gives the name only to a complete backup', async () => {
    const before = readFileSync(join(reader.folder, 'orders.env'))
    const backUp = (examples[1] as Example).code.replace('custom orders', 'custom no_such_database')
    const printed = await reader.follows(shell(`bash -c '${backUp}' 2>&1 || echo "failed as it should"`))
    expect(printed).to.include('failed as it should')
    expect(readFileSync(join(reader.folder, 'orders.env')).equals(before)).to.equal(true)
  })

  it('restores nothing of a backup that was cut, not even from a stream', async () => {
    const backup = join(reader.folder, 'orders.env')
    truncateSync(backup, Math.floor(statSync(backup).size / 2))
    const streamed = (examples[4] as Example).code.replaceAll('streamed', 'halved')
    const printed = await reader.follows(shell(`bash -c '${streamed}' 2>&1 || echo "failed as it should"`))
    expect(printed).to.include('DAMAGED').and.to.include('failed as it should')
    expect(postgres.query("select count(*) from pg_tables where schemaname = 'public'", 'halved')).to.equal('0\n')
  })
})

const shell = (code: string): Example => ({ kind: 'postgres', language: 'sh', code, promised: undefined })
