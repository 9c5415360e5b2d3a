import { appendFileSync, cpSync, existsSync, lstatSync, readFileSync, readdirSync, renameSync, rmSync, statSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs' // prettier-ignore
import { dirname } from 'node:path'
import { expect } from 'chai'
import { bootId, storedHeads } from '../../../src/audit/log/anchor.ts'
import type { Anchor } from '../../../src/audit/log/anchor.ts'
import { tickEvery } from '../../../src/audit/broker.ts'
import type { AuditBroker } from '../../../src/audit/broker.ts'
import { readCheckpoints } from '../../../src/audit/checkpoints/checkpoint-file.ts'
import { checkpointEvery, heartbeatEvery } from '../../../src/audit/checkpoints/signed-log.ts'
import { publishKeys } from '../../../src/audit/checkpoints/stored-keys.ts'
import { verifyAuditFiles } from '../verdict.ts'
import { EncryptedBarrier } from '../../../src/barrier/barrier.ts'
import type { Entry, Storage } from '../../../src/contract/storage.ts'
import type { View } from '../../../src/contract/view.ts'
import { randomBytes } from '../../../src/crypto/fast/random.ts'
import { openBarrier } from '../../support/barrier.ts'
import { OpenStorage } from '../../support/storages/open-storage.ts'
import { HandClock } from '../../support/clock.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { after, chained } from '../../../src/audit/lines/chain.ts'
import { allLinesOf, brokerWith, event, file, linesOf, round } from '../support.ts'

/** The broker has done what it was about to do. */
const settled = async (broker: AuditBroker): Promise<void> => {
  await new Promise(setImmediate)
  await broker.signer.idle()
}

/** Waits for what goes on in the background. */
const until = async (holds: () => boolean): Promise<void> => {
  for (let tries = 0; tries < 3000 && !holds(); tries++) await new Promise((done) => setTimeout(done, 5))
  expect(holds()).to.equal(true)
}

async function opened(options: Readonly<Record<string, string>> = {}) {
  const path = `${temporaryFolder()}/audit.log`
  const { barrier } = await openBarrier()
  const view = barrier.view('core/audit/')
  const parts = brokerWith()
  const open = async (broker: AuditBroker): Promise<void> => {
    await broker.configure([file(path, options)])
    await broker.open(view, { attachHeads: (along) => barrier.attach(along, 'core/audit/') })
    await settled(broker)
  }
  await open(parts.broker)
  const sizes = () => readCheckpoints(readFileSync(`${path}.checkpoints`, 'utf8')).map((one) => one?.checkpoint.size)
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= tickEvery) {
      parts.clock.advance(Math.min(left, tickEvery))
      await settled(parts.broker)
    }
  }
  const again = async (): Promise<AuditBroker> => {
    const next = brokerWith()
    await open(next.broker)
    return next.broker
  }
  const headOf = async (from: View = view) => (await storedHeads(from)).devices['file/']
  return { ...parts, path, barrier, view, sizes, pass, again, headOf }
}

describe('checkpoints and anchors', () => {
  it('are not published before the storage has their head, even if another log was longer', async () => {
    const { broker, path, view } = await opened()
    for (let at = 0; at < 10; at++) await round(broker, event())
    await broker.close()
    await broker.shutdown()
    const [begin = ''] = readFileSync(path, 'utf8').split('\n')
    writeFileSync(path, `${begin}\n`)
    const { broker: next } = brokerWith()
    await next.configure([file(path)])
    const why = await next.open(view).then(
      () => '',
      (thrown: Error) => thrown.message,
    )
    const [, accept = ''] = /accept_audit_log=([0-9a-f]{16})/.exec(why) ?? []
    let puts = 0
    const once = new Proxy(view, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target)
        if (name !== 'put') return typeof member === 'function' ? (member.bind(target) as unknown) : member
        return async (at: string, value: unknown) => {
          if (at === 'heads' && ++puts > 1) throw new Error('no room')
          return target.put(at, value)
        }
      },
    })
    await next.open(once, { accept })
    await settled(next)
    const known = (await storedHeads(view)).devices['file/']
    expect(puts).to.be.greaterThan(1)
    const published = existsSync(`${path}.checkpoints`)
      ? readCheckpoints(readFileSync(`${path}.checkpoints`, 'utf8'))
      : []
    for (const one of published)
      if (one?.checkpoint.origin.endsWith(`/${known?.log}`)) expect(one.checkpoint.size).to.be.at.most(known?.size ?? 0)
    await next.shutdown()
  })

  it('are signed at unseal, after ten seconds with new lines, and at seal', async () => {
    const { broker, sizes, pass, path } = await opened()
    expect(sizes()).to.deep.equal([2])
    await round(broker, event())
    await pass(checkpointEvery - 2 * tickEvery)
    expect(sizes()).to.deep.equal([2])
    await pass(3 * tickEvery)
    expect(sizes()).to.deep.equal([2, 4])
    await pass(checkpointEvery * 2)
    expect(sizes()).to.deep.equal([2, 4])
    await round(broker, event())
    await broker.close()
    expect(sizes()).to.deep.equal([2, 4, 7])
    expect(allLinesOf(path).at(-1)?.request.path).to.equal('sys/audit/close')
    await broker.shutdown()
    expect(await verifyAuditFiles([path])).to.include({ ok: true })
  })

  it('are signed after a thousand lines', async () => {
    const { broker, sizes } = await opened()
    for (let at = 0; at < 10; at++) await Promise.all(Array.from({ length: 51 }, async () => round(broker, event())))
    await settled(broker)
    expect(sizes().length).to.be.greaterThan(1)
    await broker.shutdown()
  })

  it('record an hour without requests by a line and a checkpoint, even if the clock is set back', async () => {
    const { broker, clock, sizes, path, pass } = await opened()
    clock.advance(heartbeatEvery)
    await pass(tickEvery)
    expect(linesOf(path).map(({ request }) => request.path)).to.deep.equal(['sys/audit/heartbeat'])
    clock.advance(-2 * heartbeatEvery)
    await round(broker, event())
    broker.signer.startRound()
    await settled(broker)
    expect(sizes().at(-1)).to.equal(allLinesOf(path).length)
    await broker.shutdown()
    expect(await verifyAuditFiles([path])).to.include({ ok: true })
  })

  it('are in the commit of every change, and follow reads within a second', async () => {
    const { broker, barrier, headOf, pass, path } = await opened()
    await broker.request(event({ pure: false }))
    await barrier.view('mount/x/').put('y', 1)
    expect((await headOf())?.size).to.equal(allLinesOf(path).length)
    await round(broker, event())
    expect((await headOf())?.size).to.equal(allLinesOf(path).length - 2)
    await pass(1000)
    expect((await headOf())?.size).to.equal(allLinesOf(path).length)
    await broker.shutdown()
  })

  it('have keys that stay in the barrier', async () => {
    const { view, path, broker } = await opened({ signatures: 'ed25519,ml-dsa-44' })
    const record = (await view.get('signing/file%2F')) as Readonly<Record<string, string>> | undefined
    const text = readdirSync(dirname(path)).map((name) => readFileSync(`${dirname(path)}/${name}`, 'latin1')).join() // prettier-ignore
    for (const secret of [record?.['ed25519'], record?.['mlDsa44']]) expect(text).to.not.include(secret)
    const [one] = readCheckpoints(readFileSync(`${path}.checkpoints`, 'utf8'))
    expect(one?.note.signatures).to.have.length(2)
    await broker.shutdown()
    expect(await verifyAuditFiles([path])).to.include({ ok: true })
  })
})

describe('a key file that cannot be read', () => {
  it('is not overwritten: it may have keys of other logs', () => {
    const path = `${temporaryFolder()}/audit.log`
    writeFileSync(path, '')
    symlinkSync(`${path}.vkeys`, `${path}.vkeys`)
    expect(() => publishKeys(path, [])).to.throw('ELOOP')
    expect(lstatSync(`${path}.vkeys`).isSymbolicLink()).to.equal(true)
  })
})

describe('lines that only the kernel had', () => {
  /** A log whose last lines the storage knows of, but not as being on disk; and the storage as after a crash. */
  async function crashed(boot: string) {
    const parts = await opened()
    const { broker, view, path, pass, headOf } = parts
    await round(broker, event())
    await pass(tickEvery)
    const { size, leaf } = (await headOf()) as Anchor
    await round(broker, event())
    await pass(tickEvery)
    const heads = await storedHeads(view)
    const anchor = heads.devices['file/'] as Anchor
    expect(anchor.size).to.equal(size + 2)
    await broker.shutdown()
    await view.put('heads', { ...heads, boot, devices: { 'file/': { ...anchor, synced: { size, leaf } } } })
    const lines = readFileSync(path, 'utf8').split('\n')
    const keep = (count: number): void => writeFileSync(path, lines.slice(0, count).map((line) => `${line}\n`).join('')) // prettier-ignore
    return { ...parts, size, keep }
  }

  it('may be lost when the machine restarts; that is recorded, and the log continues', async () => {
    for (const left of [0, 1]) {
      const { path, again, size, keep } = await crashed('another start of the machine')
      keep(size + left)
      const next = await again()
      await round(next, event())
      await next.close()
      await next.shutdown()
      const lost = linesOf(path).find(({ request }) => request.path === 'sys/audit/lost')
      expect(lost?.request.data).to.deep.equal({ after: size, before: size + 3 })
      expect(await verifyAuditFiles([path])).to.include({ ok: true })
    }
  })

  it('may not be lost while the machine keeps running, and lines on disk never', async () => {
    for (const [boot, cut] of [
      [bootId() ?? '', 0],
      ['another start of the machine', -1],
    ] as const) {
      const { again, size, keep } = await crashed(boot)
      keep(size + cut)
      expect(await again().then(() => '', ({ message }: Error) => message)).to.match(/lines were cut off its end/) // prettier-ignore
    }
  })
})

describe('a log after a crash', () => {
  /** The same storage as it is now, in a process of its own. */
  const copied = async (storage: Storage, root: Uint8Array, without?: string): Promise<EncryptedBarrier> => {
    const { keys } = await storage.list('', { limit: 500 })
    const entries = (await storage.get(keys)).filter((entry) => entry !== undefined && entry.key !== without) as Entry[]
    const disk = new Map(entries.map(({ key, value, rev }) => [key, { value, rev }]))
    const copy = new OpenStorage(disk, await storage.rev())
    const barrier = new EncryptedBarrier({ storage: copy, clock: new HandClock(), random: randomBytes })
    // That a record is missing is noticed before the logs are read; here it was accepted.
    const refusal = without === undefined ? '' : await barrier.unseal(root, 'check').then(() => '', ({ message }: Error) => message) // prettier-ignore
    const [, code] = /accept-storage=([0-9a-f]{16}) /.exec(refusal) ?? []
    await barrier.unseal(root, code)
    return barrier
  }
  const openingOf = (barrier: EncryptedBarrier) => ({ attachHeads: (along: Parameters<typeof barrier.attach>[0]) => barrier.attach(along, 'core/audit/'), commits: barrier.commits }) // prettier-ignore

  it('is accepted with a line cut anywhere behind the stored head, and refused with one cut before it', async () => {
    const path = `${temporaryFolder()}/audit.log`
    const { barrier, storage, root } = await openBarrier()
    const { broker } = brokerWith()
    await broker.configure([file(path)])
    await broker.open(barrier.view('core/audit/'), openingOf(barrier))
    await round(broker, event())
    await broker.signer.settle()
    const { size: known } = statSync(path)
    await round(broker, event({ pure: false }))
    const bytes = readFileSync(path)
    const isRefusedAt = async (length: number): Promise<boolean> => {
      const cut = `${temporaryFolder()}/audit.log`
      cpSync(`${path}.checkpoints`, `${cut}.checkpoints`)
      writeFileSync(cut, bytes.subarray(0, length), { mode: 0o600 })
      const again = await copied(storage, root)
      const next = brokerWith().broker
      await next.configure([file(cut)])
      const refused = await next.open(again.view('core/audit/'), openingOf(again)).then(() => false, () => true) // prettier-ignore
      await next.shutdown()
      expect(existsSync(`${cut}.torn`), `${length} bytes`).to.equal(bytes[length - 1] !== 10)
      return refused
    }
    const last = bytes.lastIndexOf(10, bytes.length - 2) + 1
    const places = [known - 40, known - 1, known, known + 1, bytes.length - 1, bytes.length]
    for (let length = last; length < bytes.length; length += 15) places.push(length)
    for (const length of places)
      expect(await isRefusedAt(length), `${length} of ${bytes.length} bytes, ${known} known`).to.equal(length < known)
  })

  it('is refused where lines behind the last known one are not from a server, even if the chain is right', async () => {
    const { broker, path, again } = await opened()
    await broker.close()
    await broker.shutdown()
    const written = readFileSync(path, 'utf8')
    const link = after(written.trimEnd().split('\n').at(-1) ?? '')
    for (const line of [`{"a":${'['.repeat(200)}${']'.repeat(200)}`, '{"a":1,"a":2', '{"a":\u00ff1']) {
      writeFileSync(path, `${written}${chained(link, [line]).text}`)
      const refusal = await again().then(() => '', ({ message }: Error) => message) // prettier-ignore
      expect(refusal, line).to.match(/after line \d+: it /)
    }
    writeFileSync(path, written)
    await (await again()).shutdown()
  })

  it('has checkpoints that verify, wherever a crash cut the last one short', async () => {
    const { broker, path, again } = await opened()
    await broker.close()
    await broker.shutdown()
    const checkpoints = `${path}.checkpoints`
    const record = readFileSync(checkpoints, 'utf8').split('\n\n').slice(-3).join('\n\n')
    for (let length = 1; length < record.length; length += 11) {
      appendFileSync(checkpoints, record.slice(0, length))
      const next = await again()
      await next.close()
      await next.shutdown()
      expect(await verifyAuditFiles([path]), record.slice(0, length)).to.include({ ok: true })
    }
  })

  it('is refused when the record of commits, or that of the logs, was removed from the storage; a code accepts it', async () => {
    const path = `${temporaryFolder()}/audit.log`
    const { barrier, storage, root } = await openBarrier()
    const { broker } = brokerWith()
    await broker.configure([file(path)])
    await broker.open(barrier.view('core/audit/'), openingOf(barrier))
    await settled(broker)
    const changedBy = async (commit: () => Promise<void>): Promise<readonly string[]> => {
      const keys: string[] = []
      const watch = storage.watch(await storage.rev(), { changed: (_, changed) => void keys.push(...changed), reset: () => {} }) // prettier-ignore
      await commit()
      watch.close()
      return keys
    }
    await barrier.view('').put('a', 1)
    // What rides in every commit: the heads, and behind them the number.
    const changed = await changedBy(async () => barrier.view('').put('b', 1))
    const [, ...riding] = changed.filter((key) => key.startsWith('e/'))
    expect(riding).to.have.length(2)
    await broker.shutdown()
    for (const [at, why] of ['what it knew of its audit logs', 'the number of its newest commit'].entries()) {
      const again = await copied(storage, root, riding[at])
      const next = brokerWith().broker
      const copy = `${temporaryFolder()}/audit.log`
      for (const name of ['', '.checkpoints']) cpSync(`${path}${name}`, `${copy}${name}`)
      await next.configure([file(copy)])
      const view = again.view('core/audit/')
      const refused = await next.open(view, openingOf(again)).then(() => '', ({ message }: Error) => message) // prettier-ignore
      expect(refused).to.include(why)
      const [, accept = ''] = /accept_audit_log=([0-9a-f]{16})/.exec(refused) ?? []
      await next.open(view, { ...openingOf(again), accept })
      await next.close()
      await next.shutdown()
      expect(linesOf(copy).some(({ request }) => request.path === 'sys/audit/accepted')).to.equal(true)
    }
  })
})

describe('the files of a log', () => {
  const fill = async (broker: AuditBroker, rounds: number): Promise<void> => {
    for (let at = 0; at < rounds; at++) await round(broker, event({ ask: { data: { text: 'x'.repeat(3000) } }, pure: false })) // prettier-ignore
  }
  const closed = (path: string): string[] =>
    readdirSync(dirname(path))
      .filter((name) => /^audit\.log\.[0-9a-f]{8}\.[0-9]+-[0-9]+(\.gz)?$/.test(name))
      .sort()
      .map((name) => `${dirname(path)}/${name}`)

  it('are closed by size, compressed, and verify with and without the oldest ones', async () => {
    const { broker, path, pass } = await opened({ rotate_bytes: '65536', rotate_compress: 'gzip' })
    await fill(broker, 250)
    await pass(tickEvery)
    await until(() => closed(path).every((name) => name.endsWith('.gz')))
    await broker.close()
    await broker.shutdown()
    const files = closed(path)
    expect(files.length).to.be.greaterThan(2)
    for (const name of files) expect(existsSync(`${name.slice(0, -3)}.checkpoints`), name).to.equal(true)
    expect(await verifyAuditFiles([...files, path])).to.include({ ok: true })
    for (const name of files.slice(0, 2)) unlinkSync(name)
    expect(await verifyAuditFiles([...files.slice(2), path])).to.include({ ok: true })
  })

  it('are not signed anew by keys that came after them, when these open before closed files were looked after', async () => {
    const { broker, path, pass, view } = await opened({ rotate_bytes: '65536' })
    await fill(broker, 250)
    await broker.signer.rotateKeys()
    await broker.close()
    await broker.open(view)
    await pass(tickEvery)
    await broker.shutdown()
    expect(closed(path).length).to.be.greaterThan(2)
    expect(await verifyAuditFiles([...closed(path), path])).to.include({ ok: true })
  })

  it('have their checkpoints beside the file with their lines, however many files were closed meanwhile', async () => {
    const { broker, path, clock, view, barrier } = await opened({ rotate_bytes: '65536' })
    const filled = async (): Promise<void> => {
      for (let at = 0; at < 60; at++)
        await round(broker, event({ pure: false, ask: { data: { text: `${at}`.repeat(300) } } }))
    }
    await filled()
    await broker.signer.rotateKeys()
    await filled()
    await broker.signer.settle()
    // Only now are closed files looked after.
    clock.advance(tickEvery)
    await settled(broker)
    const ended = readdirSync(dirname(path)).filter((name) => /\d{12}-\d{12}\.checkpoints$/.test(name))
    expect(ended.length).to.be.greaterThan(1)
    for (const name of ended) {
      const last = Number(/-(\d{12})\.checkpoints$/.exec(name)?.[1])
      const sizes = readCheckpoints(readFileSync(`${dirname(path)}/${name}`, 'utf8')).map(
        (one) => one?.checkpoint.size ?? Infinity,
      )
      expect(Math.max(...sizes), name).to.be.at.most(last)
    }
    await broker.close()
    await broker.open(view, { attachHeads: (along) => barrier.attach(along, 'core/audit/') })
    await broker.shutdown()
    expect(
      await verifyAuditFiles([
        ...readdirSync(dirname(path))
          .filter((name) => /\d{12}-\d{12}$/.test(name))
          .map((name) => `${dirname(path)}/${name}`),
        path,
      ]),
    ).to.include({ ok: true })
  })

  it('record commits in order, even if one is acknowledged between a request and the file that its line begins', async () => {
    const path = `${temporaryFolder()}/audit.log`
    const { barrier } = await openBarrier()
    const { broker } = brokerWith()
    await broker.configure([file(path, { rotate_bytes: '65536' })])
    const commits = { found: 0, newest: 0 }
    await broker.open(barrier.view('core/audit/'), { commits })
    for (let at = 0; at < 120; at++) {
      const asked = event({ pure: false, ask: { data: { text: `${at}`.repeat(300) } } })
      const taken = broker.request(asked)
      commits.newest++
      await taken
      await broker.response(asked, {})
    }
    await broker.shutdown()
    const ended = readdirSync(dirname(path)).filter((name) => /\d{12}-\d{12}$/.test(name))
    expect(ended).to.have.property('length').above(0)
    expect(await verifyAuditFiles([...ended.map((name) => `${dirname(path)}/${name}`), path])).to.include({ ok: true })
  })

  it('open although an earlier release put their newest checkpoints beside an older file', async () => {
    const { broker, path, again } = await opened({ rotate_bytes: '65536' })
    for (let at = 0; at < 120; at++)
      await round(broker, event({ pure: false, ask: { data: { text: `${at}`.repeat(300) } } }))
    await broker.close()
    await broker.shutdown()
    const [oldest = ''] = readdirSync(dirname(path))
      .filter((name) => /\d{12}-\d{12}$/.test(name))
      .sort()
    const beside = `${dirname(path)}/${oldest}.checkpoints`
    writeFileSync(
      beside,
      `${existsSync(beside) ? readFileSync(beside, 'utf8') : ''}${readFileSync(`${path}.checkpoints`, 'utf8')}`,
    )
    unlinkSync(`${path}.checkpoints`)
    await (await again()).shutdown()
  })

  it('get new keys into the files a moment later, when there was no live file to be beside', async () => {
    const { broker, path, pass } = await opened()
    renameSync(path, `${path}.away`)
    // The second try must not lose what the first one has to publish.
    for (let tries = 0; tries < 2; tries++) {
      const failed = await broker.signer.rotateKeys().then(
        () => '',
        (thrown: NodeJS.ErrnoException) => thrown.code,
      )
      expect(failed).to.equal('ENOENT')
    }
    renameSync(`${path}.away`, path)
    await pass(tickEvery)
    expect(readFileSync(`${path}.vkeys`, 'utf8').split('\n').filter((line) => /^[0-9]/.test(line)).length).to.equal(2) // prettier-ignore
    expect(linesOf(path).filter(({ request }) => request.path === 'sys/audit/keys')).to.have.length(1)
    await broker.shutdown()
    expect(await verifyAuditFiles([path])).to.include({ ok: true })
  })

  it('are closed by age', async () => {
    const { broker, path, clock } = await opened({ rotate_duration: '60s' })
    await round(broker, event())
    clock.advance(61_000)
    await round(broker, event())
    expect(closed(path)).to.have.length(1)
    await broker.shutdown()
  })

  it('are kept as long as configured, and removals are recorded', async () => {
    const { broker, path, pass, clock } = await opened({ rotate_bytes: '65536', retain_files: '2' })
    await fill(broker, 300)
    clock.advance(61_000)
    await pass(tickEvery)
    await until(() => closed(path).length === 2)
    await settled(broker)
    await until(() => linesOf(path).some(({ request }) => request.path === 'sys/audit/removed'))
    await broker.shutdown()
    expect(await verifyAuditFiles([...closed(path), path])).to.include({ ok: true })
  })

  it('let the server unseal again after a rotation by size, without the oldest files', async () => {
    const { broker, path, again } = await opened({ rotate_bytes: '65536' })
    await fill(broker, 250)
    await broker.close()
    await broker.shutdown()
    for (const name of closed(path).slice(0, 2)) rmSync(name)
    const next = await again()
    await round(next, event())
    await next.shutdown()
    expect(await verifyAuditFiles([...closed(path), path])).to.include({ ok: true })
  })

  it('continue within a second when the live one is removed, without a request', async () => {
    const { broker, path, pass, said } = await opened()
    unlinkSync(path)
    await pass(1000)
    expect(statSync(path).size).to.be.greaterThan(0)
    expect(said.some(({ level, message }) => level === 'error' && message.includes('moved or changed'))).to.equal(true)
    expect(linesOf(path)[0]?.request).to.deep.include({ path: 'sys/audit/moved' })
    expect(broker.measure()[0]).to.include({ disturbed: 1 })
    await broker.shutdown()
  })
})
