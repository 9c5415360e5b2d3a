import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { startServer } from '../../../src/server/start.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { leaveOut } from '../../support/leave-out.ts'
import { TestServer, initialised, unseal } from '../../support/server.ts'
import { saved, unsealRestored, upload } from '../../support/storages/snapshot-files.ts'

/** A file system of 64 MiB, of which the server keeps 24 free. */
class SmallDisk {
  readonly folder = temporaryFolder()
  readonly disk = join(this.folder, 'disk')

  mount(): void {
    mkdirSync(this.disk)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', this.disk], { stdio: 'ignore' })
  }

  async start(): Promise<TestServer> {
    const config = join(this.folder, 'strongroom.hcl')
    writeFileSync(
      config,
      `storage "level" {\n  path = "${this.disk}/data"\n  min_free_bytes = 25165824\n}
listener "tcp" {\n  address = "127.0.0.1:0"\n  tls_disable = true\n}
audit "file" "file" { options { file_path = "${this.folder}/audit.log" } }\n`,
    )
    return new TestServer(await startServer({ config: [config], log: () => {} }), this.folder, config)
  }

  /** Leaves 20 MiB. */
  fill(): void {
    const { bavail, bsize } = statfsSync(this.disk)
    writeFileSync(join(this.disk, 'ballast'), Buffer.alloc(bavail * bsize - 20 * 2 ** 20))
  }

  free(): void {
    rmSync(join(this.disk, 'ballast'), { force: true })
  }

  leftovers(): readonly string[] {
    return readdirSync(join(this.disk, 'data')).filter((name) => /^(restoring|snapshot)-/.test(name))
  }

  end(): void {
    execFileSync('umount', ['-l', this.disk], { stdio: 'ignore' })
  }
}

describe('snapshots on a disk that is full', () => {
  const disk = new SmallDisk()
  let server: TestServer

  before(async function () {
    try {
      disk.mount()
    } catch {
      leaveOut(this, 'only root may mount a small file system')
    }
    server = await disk.start()
    await initialised(server)
    await unseal(server)
    await server.data('POST', 'sys/mounts/kv', { type: 'kv' })
    await server.data('POST', 'kv/a', { value: 'here' })
  })
  after(async () => {
    await server?.running.stop()
    if (server) disk.end()
  })

  /** Nothing of the attempt is left, and the server serves what it served. */
  const goesOn = async (): Promise<void> => {
    expect(disk.leftovers()).to.deep.equal([])
    expect(await server.data('GET', 'kv/a')).to.deep.equal({ value: 'here' })
    expect((await server.call('GET', '/v1/sys/health')).body).to.include({ sealed: false })
  }

  it('are not restored, nothing changes, and with room they are', async () => {
    const file = await saved(server)
    disk.fill()
    for (const more of ['', '-force', '-recover?path=kv/a&to=kv/b']) {
      const reply = await upload(server, file, more)
      expect([reply.status, reply.text], more).to.satisfy(([code, text]: [number, string]) => code === 503 && text.includes('disk')) // prettier-ignore
      await goesOn()
    }
    disk.free()
    expect((await upload(server, await saved(server))).status).to.equal(200)
    expect(await unsealRestored(server)).to.include('"sealed":false')
    await goesOn()
  })
})
