import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { tickEvery } from '../../../src/audit/broker.ts'
import { startServer } from '../../../src/server/start.ts'
import { verifyAuditFiles } from '../../audit/verdict.ts'
import { HandClock } from '../../support/clock.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { leaveOut } from '../../support/leave-out.ts'
import { TestServer, unseal } from '../../support/server.ts'

/** Fills a disk to its last byte. */
function fill(path: string): void {
  const fd = openSync(path, 'a')
  for (const size of [64 * 1024, 4096, 1])
    try {
      const block = Buffer.alloc(size)
      while (writeSync(fd, block) > 0);
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'ENOSPC') throw thrown
    }
  closeSync(fd)
}

/** A server whose audit log is on a real, small disk of its own. */
class OnSmallDisk {
  readonly folder = temporaryFolder()
  readonly disk = join(this.folder, 'disk')
  readonly log = join(this.disk, 'audit.log')
  readonly clock = new HandClock(Date.now())
  server!: TestServer
  /** What outlives a restart. */
  #owner: { readonly shares: readonly string[]; readonly token: string } = { shares: [], token: '' }

  async mount(size = '6m'): Promise<void> {
    mkdirSync(this.disk)
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', this.disk], { stdio: 'ignore' })
    writeFileSync(
      join(this.folder, 'strongroom.hcl'),
      `storage "level" { path = "${this.folder}/data" }
listener "tcp" {
  address = "127.0.0.1:0"
  tls_disable = true
}
audit "file" "file" { options { file_path = "${this.log}" } }
`,
    )
  }

  async start(): Promise<void> {
    const config = join(this.folder, 'strongroom.hcl')
    const running = await startServer({ config: [config], log: () => {}, clock: this.clock })
    const { shares, token } = this.#owner
    this.server = Object.assign(new TestServer(running, this.folder, config), { shares, token })
  }

  async initialise(): Promise<void> {
    const made = await this.server.call('PUT', '/v1/sys/init', { secret_shares: 3, secret_threshold: 2 })
    this.server.shares = made.body['keys'] as readonly string[]
    this.server.token = String(made.body['root_token'])
    this.#owner = this.server
    await unseal(this.server)
    await this.server.data('POST', 'sys/mounts/kv', { type: 'kv' })
  }

  fill(): void {
    fill(join(this.disk, 'ballast'))
  }

  free(): void {
    rmSync(join(this.disk, 'ballast'), { force: true })
    this.tick()
  }

  tick(): void {
    this.clock.advance(tickEvery)
  }

  async status(method: string, path: string, data?: unknown): Promise<number> {
    return (await this.server.call(method, `/v1/${path}`, data)).status
  }

  /** Sends a request again and again, one after the other, until it is refused. */
  async untilRefused(method: string, path: string, data?: unknown): Promise<number> {
    for (let count = 0; count < 500; count++) {
      const status = await this.status(method, path, data)
      if (status >= 300) return status
    }
    throw new Error('the disk is not full')
  }

  end(): void {
    execFileSync('umount', ['-l', this.disk], { stdio: 'ignore' })
  }
}

describe('a full disk under the audit log of a server', function () {
  this.timeout(120_000)
  let place: OnSmallDisk

  beforeEach(async function () {
    place = new OnSmallDisk()
    try {
      await place.mount()
    } catch {
      leaveOut(this, 'only root may mount a small file system')
    }
    await place.start()
    return place.initialise()
  })
  afterEach(async () => {
    await place.server?.running.stop()
    place.end()
  })

  /** Status is answered, and is true; nothing else is. */
  const told = async () => {
    const { server } = place
    expect((await server.call('GET', '/v1/sys/seal-status')).body).to.include({ sealed: false, initialized: true })
    expect((await server.call('GET', '/v1/sys/health')).body).to.include({ sealed: false, initialized: true })
    const { body, status } = await server.call('GET', '/v1/sys/metrics')
    expect(status).to.equal(200)
    const gauges = body['Gauges'] as readonly { readonly Name: string; readonly Value: number }[]
    expect(gauges.find(({ Name }) => Name === 'vault.audit.log.full')?.Value).to.equal(1)
    const refused = await server.call('POST', '/v1/kv/refused', { a: 1 })
    expect(refused.status).to.equal(503)
    expect(refused.text).to.include('disk of the audit log is full')
  }

  /** Once there is room the server goes on by itself, and its log is whole. */
  const recovers = async () => {
    place.free()
    for (let at = 0; at < 20 && (await place.status('POST', 'kv/after', { a: 1 })) !== 204; at++) place.tick()
    expect(await place.status('POST', 'kv/after', { a: 1 })).to.equal(204)
    expect(await place.status('GET', 'kv/refused')).to.equal(404)
    await place.server.running.stop()
    expect(await verifyAuditFiles([place.log])).to.include({ ok: true })
  }

  // The log's last page takes some more bytes: which line is the one that does not fit depends on how long they are.
  for (const length of [1, 300, 700, 1100, 1500, 1900, 2300, 2700, 3100, 3500])
    it(`ends by itself, whichever line was the last one: changes, with ${length} bytes more`, async () => {
      await place.status('POST', `kv/${'p'.repeat(length)}`, { a: 1 })
      place.fill()
      expect(await place.untilRefused('POST', 'kv/a', { a: 1 })).to.equal(503)
      await told()
      await recovers()
    })

  for (const length of [1, 900, 1800, 2700])
    it(`ends by itself, whichever line was the last one: reads, with ${length} bytes more`, async () => {
      await place.status('POST', `kv/${'p'.repeat(length)}`, { a: 1 })
      place.fill()
      expect(await place.untilRefused('GET', 'sys/mounts')).to.equal(503)
      await told()
      await recovers()
    })

  it('ends by itself under load', async () => {
    const { server } = place
    place.fill()
    const refused = new Set<number>()
    await Promise.all(
      Array.from({ length: 8 }, async (_, worker) => {
        for (let count = 0; count < 200; count++) refused.add((await server.call('POST', `/v1/kv/w${worker}`, { count })).status) // prettier-ignore
      }),
    )
    expect([...refused].sort((a, b) => a - b)).to.deep.equal([204, 503])
    await told()
    await recovers()
  })

  it('ends by itself when the log itself had the last line', async () => {
    place.fill()
    // An hour without any request: the log writes by itself.
    for (let hour = 0; hour < 12; hour++) place.clock.advance(3_600_000)
    for (let at = 0; at < 20; at++) {
      await place.status('GET', 'sys/health')
      place.tick()
    }
    await place.untilRefused('POST', 'kv/a', { a: 1 })
    await recovers()
  })

  it('ends by itself when the server started, or is unsealed, while the disk was full', async () => {
    await place.server.running.stop()
    place.fill()
    await place.start()
    expect((await place.server.call('GET', '/v1/sys/seal-status')).body).to.include({ sealed: true })
    await unseal(place.server)
    place.free()
    for (let at = 0; at < 20; at++) place.tick()
    if ((await place.server.call('GET', '/v1/sys/seal-status')).body['sealed'] === true) await unseal(place.server)
    expect((await place.server.call('GET', '/v1/sys/seal-status')).body).to.include({ sealed: false })
    await recovers()
  })

  it('ends by itself on a disk that is smaller than the usual reserve', async () => {
    await place.server.running.stop()
    place.end()
    place = new OnSmallDisk()
    await place.mount('1m')
    await place.start()
    await place.initialise()
    place.fill()
    expect(await place.untilRefused('POST', 'kv/a', { a: 1 })).to.equal(503)
    await told()
    await recovers()
  })

  it('does not keep a server from being sealed', async () => {
    place.fill()
    await place.untilRefused('POST', 'kv/a', { a: 1 })
    await place.server.running.stop()
    place.free()
    await place.start()
    await unseal(place.server)
    await recovers()
  })
})
