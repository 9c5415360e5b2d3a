import { spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'chai'
import { temporaryFolder } from '../../support/folder.ts'
import { leaveOut } from '../../support/leave-out.ts'
import { devServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'
import { program } from '../../support/program.ts'

const mebibyte = 1024 * 1024

describe('transit envelope as a program', function () {
  this.timeout(30_000)
  const folder = temporaryFolder()
  let server: TestServer

  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
    await server.data('POST', 'transit/keys/backups')
  })
  after(async () => server.running.stop())

  const started = (...words: readonly string[]): ChildProcessWithoutNullStreams =>
    spawn(process.execPath, [program, 'transit', 'envelope', ...words], {
      cwd: folder,
      env: { PATH: process.env['PATH'] ?? '', HOME: folder, VAULT_ADDR: server.running.address, VAULT_TOKEN: 'root' },
    })
  const statusOf = async (child: ChildProcessWithoutNullStreams): Promise<unknown> =>
    ((await once(child, 'close')) as unknown[])[0]

  it('encrypts and decrypts 256 MiB in memory that does not grow with them', async function () {
    if (!existsSync('/proc/self/status')) leaveOut(this, 'no /proc on this machine')
    const [encrypting, decrypting] = [started('encrypt', '-key=backups'), started('decrypt')]
    const passed = pipeline(encrypting.stdout, decrypting.stdin)
    let bytes = 0
    decrypting.stdout.on('data', (part: Buffer) => (bytes += part.length))
    const ended = [statusOf(encrypting), statusOf(decrypting)]
    const block = Buffer.alloc(mebibyte, 'strongroom')
    const whole = Readable.from(Array.from({ length: 256 }, () => block))
    await pipeline(whole, encrypting.stdin, { end: false })
    // One chunk is held back on each side until the end is known.
    while (bytes < 255 * mebibyte) await once(decrypting.stdout, 'data')
    const peaks = [encrypting, decrypting].map(peak)
    encrypting.stdin.end()
    await passed
    expect(await Promise.all(ended)).to.deep.equal([0, 0])
    expect(bytes).to.equal(256 * mebibyte)
    for (const most of peaks) expect(most).to.be.within(20, 160)
  })

  it('leaves nothing beside when it is interrupted', async () => {
    const child = started('encrypt', '-key=backups', '-', 'sealed')
    const ended = once(child, 'close')
    child.stdin.on('error', () => {})
    child.stdin.write(Buffer.alloc(mebibyte))
    while (!readdirSync(folder).some((name) => name.endsWith('.part'))) await pause(5)
    child.kill('SIGINT')
    expect(await ended).to.deep.equal([null, 'SIGINT'])
    expect(readdirSync(folder)).to.deep.equal([])
  })

  it('fails when the reader of its output leaves early', async () => {
    const child = started('encrypt', '-key=backups')
    const ended = statusOf(child)
    child.stdin.on('error', () => {})
    child.stdout.destroy()
    child.stdin.end(Buffer.alloc(4 * mebibyte))
    expect(await ended).to.equal(1)
  })

  it('ends once its question is answered, though more could come', async () => {
    const child = started('header')
    child.stdin.write(Buffer.alloc(100))
    expect(await statusOf(child)).to.equal(3)
  })
})

/** The most memory a process had so far, in MiB. */
function peak({ pid }: ChildProcessWithoutNullStreams): number {
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kibibytes) / 1024
}
