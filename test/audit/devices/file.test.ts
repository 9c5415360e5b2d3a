import { expect } from 'chai'
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs' // prettier-ignore
import { fileDevice } from '../../../src/audit/devices/file.ts'
import { DeviceOptions } from '../../../src/audit/devices/options.ts'
import { verifyAuditFiles } from '../verdict.ts'
import { Fault } from '../../../src/contract/fault.ts'
import { brokerWith, event, file, linesOf, round, scratch } from '../support.ts'

const refused = async (work: () => unknown): Promise<Fault> => {
  try {
    await work()
  } catch (thrown) {
    expect(thrown).to.be.instanceOf(Fault).and.have.property('code', 'invalid_request')
    return thrown as Fault
  }
  throw new Error('it was not refused')
}
const made = (options: Readonly<Record<string, string>>) => fileDevice(new DeviceOptions(options))
const modeOf = (path: string): number => statSync(path).mode & 0o7777

describe('the audit file', () => {
  const at = scratch()
  const write = async (path: string, options = {}) => {
    const device = made({ file_path: path, ...options })
    await device.open()
    await device.write('{}\n')
    await device.close()
  }

  it('is created with mode 0600 whatever the umask, or with a configured mode up to 0640', async () => {
    const before = process.umask(0o777)
    try {
      await write(at('a.log'))
      await write(at('b.log'), { mode: '0640' })
    } finally {
      process.umask(before)
    }
    expect([modeOf(at('a.log')), modeOf(at('b.log'))]).to.deep.equal([0o600, 0o640])
  })

  for (const mode of ['0644', '0755', '0660', '4600', '0666', '0400', '9', 'abc', '-600', '0x1ff', ' 600']) {
    it(`is not created with mode ${mode} (CVE-2025-6000)`, async () => {
      await refused(() => made({ file_path: at('m.log'), mode }))
      expect(existsSync(at('m.log'))).to.equal(false)
    })
  }

  it('drops execute bits (CVE-2025-6000)', async () => {
    await write(at('x.log'), { mode: '0750' })
    expect(modeOf(at('x.log'))).to.equal(0o640)
  })

  it('restricts the mode of an existing file, or refuses it with mode 0', async () => {
    writeFileSync(at('wide.log'), '', { mode: 0o600 })
    chmodSync(at('wide.log'), 0o777)
    await refused(() => made({ file_path: at('wide.log'), mode: '0' }).open())
    await write(at('wide.log'))
    expect(modeOf(at('wide.log'))).to.equal(0o600)
  })

  it('cannot be a link, a folder or a pipe (CVE-2025-6000)', async () => {
    writeFileSync(at('victim'), 'untouched')
    symlinkSync(at('victim'), at('link.log'))
    mkdirSync(at('folder'))
    execFileSync('mkfifo', [at('pipe')])
    for (const name of ['link.log', 'folder', 'pipe', 'none/x.log']) {
      const { message } = await refused(() => made({ file_path: at(name) }).open())
      expect(message).to.not.include(at(''))
    }
    expect(readFileSync(at('victim'), 'utf8')).to.equal('untouched')
  })

  const paths = ['relative.log', '../x', '/tmp/../etc/x', '/tmp/', '/tmp/x\0y', '']
  for (const path of paths) {
    it(`refuses the path ${JSON.stringify(path)} under both names of the option (CVE-2026-5051)`, async () => {
      await refused(() => made({ file_path: path }))
      await refused(() => made({ path }))
    })
  }

  it('checks the mode under the older name of the option too, and refuses two different paths (CVE-2026-5051)', async () => {
    await refused(() => made({ path: at('p.log'), mode: '0755' }))
    await refused(() => made({ path: at('p.log'), file_path: at('q.log') }))
  })

  it('may be /dev/null or discard', async () => {
    const before = modeOf('/dev/null')
    await write('/dev/null')
    await write('discard')
    expect(modeOf('/dev/null')).to.equal(before)
  })

  it('is refused when its last line is from another program', async () => {
    writeFileSync(at('foreign.log'), 'hello\n')
    const { broker } = brokerWith()
    await refused(() => broker.configure([file(at('foreign.log'))]))
    expect(readFileSync(at('foreign.log'), 'utf8')).to.equal('hello\n')
  })
})

describe('the audit chain in a file', () => {
  const at = scratch()
  const start = async (path: string) => {
    const parts = brokerWith()
    await parts.broker.configure([file(path)])
    return parts
  }

  it('continues across restarts', async () => {
    const path = at('restart.log')
    for (let turn = 0; turn < 3; turn++) {
      const { broker } = await start(path)
      await round(broker, event())
      await broker.shutdown()
    }
    expect(await verifyAuditFiles([path])).to.deep.equal({ ok: true, lines: 7 })
  })

  it('verifies wherever a crash cut the last line', async () => {
    const [whole, path] = [at('whole.log'), at('torn.log')]
    const first = await start(whole)
    await round(first.broker, event())
    await first.broker.shutdown()
    const { size } = statSync(whole)
    const begin = readFileSync(whole).lastIndexOf(10, size - 2) + 1
    for (let cut = begin; cut <= size; cut++) {
      copyFileSync(whole, path)
      truncateSync(path, cut)
      rmSync(`${path}.torn`, { force: true })
      const { broker } = await start(path)
      await round(broker, event())
      await broker.shutdown()
      const torn = cut > begin && cut < size
      const lines = 1 + (cut === size ? 2 : 1) + (torn ? 1 : 0) + 2
      expect(await verifyAuditFiles([path]), `cut at ${cut}`).to.deep.equal({ ok: true, lines })
      expect(existsSync(`${path}.torn`)).to.equal(torn)
      if (!torn) continue
      expect(readFileSync(`${path}.torn`)).to.deep.equal(readFileSync(whole).subarray(begin, cut))
      expect(linesOf(path)[1]?.request).to.deep.include({ path: 'sys/audit/torn' })
      expect(linesOf(path)[1]?.request.data).to.include({ bytes: cut - begin })
    }
  }).timeout(60_000)

  it('continues in a new file after rotation and SIGHUP, and both verify together', async () => {
    const path = at('rotated.log')
    const { broker } = await start(path)
    await round(broker, event())
    renameSync(path, `${path}.1`)
    await broker.reopen()
    await round(broker, event({ pure: false }))
    await broker.shutdown()
    expect(linesOf(path).map(({ chain }) => chain.seq)).to.deep.equal([5, 6])
    expect(await verifyAuditFiles([path, `${path}.1`])).to.deep.equal({ ok: true, lines: 6 })
  })

  it('notices a removed or replaced file, logs it and creates a new one', async () => {
    const path = at('removed.log')
    const { broker, said } = await start(path)
    await round(broker, event())
    rmSync(path)
    await round(broker, event())
    expect(linesOf(path).map(({ request }) => request.path)).to.deep.equal(['sys/audit/moved', 'kv/x', 'kv/x'])
    expect(said.map(({ message }) => message).join()).to.include('moved or changed by somebody else')
    rmSync(path)
    symlinkSync(at('elsewhere'), path)
    await round(broker, event())
    // The link is put aside, never followed.
    expect(existsSync(at('elsewhere'))).to.equal(false)
    expect(lstatSync(path).isFile()).to.equal(true)
    const [moved] = linesOf(path)
    expect(moved?.request.data).to.deep.include({ what: 'replaced' })
    expect(lstatSync(at(String(moved?.request.data?.['aside']))).isSymbolicLink()).to.equal(true)
    await broker.shutdown()
  })
})
