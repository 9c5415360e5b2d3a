import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { AuditBroker } from '../../src/audit/broker.ts'
import { fileDevice } from '../../src/audit/devices/file.ts'
import { verifyAuditFiles } from './verdict.ts'
import type { AuditEvent } from '../../src/contract/audit.ts'
import { Fault } from '../../src/contract/fault.ts'
import type { ApiPath } from '../../src/contract/request.ts'
import { randomBytes } from '../../src/crypto/fast/random.ts'
import { systemClock } from '../../src/util/clock.ts'
import { Numeral } from '../../src/util/json.ts'
import { silent } from '../../src/util/log.ts'
import { Secret } from '../../src/util/secret.ts'
import { openBarrier } from '../support/barrier.ts'
import { temporaryFolder } from '../support/folder.ts'

const canary = 'canary-7f3a'
const event = (data: Readonly<Record<string, unknown>> = {}, pure = true): AuditEvent => ({
  request: {
    id: '00000000-0000-4000-8000-000000000000',
    protocol: 'vault',
    operation: 'write',
    path: 'a/b' as ApiPath,
    namespace: '',
    data,
    credential: { kind: 'token', token: new Secret(`${canary}-token`) },
    client: { address: '127.0.0.1', port: 1 },
    headers: {},
  },
  namespace: { id: 'root', path: '' },
  operation: 'update',
  decision: { allowed: true },
  pure,
})

async function brokerOn(
  path: string,
  options: Readonly<Record<string, string>> = {},
  name = 'file/',
): Promise<AuditBroker> {
  const broker = new AuditBroker({ clock: systemClock, log: silent, random: randomBytes, types: { file: fileDevice } })
  await broker.configure([
    { path: name, type: 'file', description: '', local: false, options: { file_path: path, ...options } },
  ])
  return broker
}

const lines = (path: string): string[] => readFileSync(path, 'utf8').split('\n').slice(0, -1)

async function logOf(count: number): Promise<string> {
  const path = join(temporaryFolder(), 'audit.log')
  const broker = await brokerOn(path)
  for (let at = 0; at < count; at++) {
    await broker.request(event({ at }))
    await broker.response(event({ at }), { data: { at } })
  }
  await broker.shutdown()
  return path
}

describe('audit', () => {
  it('CVE-2025-62513, CVE-2025-62705: hashes every string, wherever it occurs', async () => {
    const path = join(temporaryFolder(), 'audit.log')
    const broker = await brokerOn(path)
    const data = {
      text: canary,
      list: [canary, [canary]],
      map: { in: canary },
      bytes: Buffer.from(canary),
      empty: '',
      number: 5,
      big: new Numeral('12345678901234567890'),
      yes: true,
    }
    await broker.request(event(data, false))
    await broker.response(event(data, false), {
      data,
      warnings: ['seen'],
      auth: {
        client_token: canary,
        accessor: canary,
        policies: [],
        token_policies: [],
        metadata: null,
        lease_duration: 1,
        renewable: false,
        entity_id: '',
        token_type: 'service',
        orphan: true,
        mfa_requirement: null,
        num_uses: 0,
      },
    })
    await broker.shutdown()
    const text = readFileSync(path, 'utf8')
    expect(text).to.not.include(canary)
    const [, request] = lines(path).map(
      (line) => JSON.parse(line) as { readonly request: { readonly data: Readonly<Record<string, unknown>> } },
    )
    expect(request?.request.data['number']).to.equal(5)
    expect(text).to.include('12345678901234567890')
    expect(String(request?.request.data['empty'])).to.match(/^hmac-sha256:[0-9a-f]{64}$/)
  })

  it('CVE-2024-0831: log_raw of one device does not affect another one', async () => {
    const folder = temporaryFolder()
    const [raw, plain] = [join(folder, 'raw.log'), join(folder, 'plain.log')]
    const broker = new AuditBroker({
      clock: systemClock,
      log: silent,
      random: randomBytes,
      types: { file: fileDevice },
    })
    const device = (path: string, file: string, more = {}) => ({
      path,
      type: 'file',
      description: '',
      local: false,
      options: { file_path: file, ...more },
    })
    await broker.configure([device('raw/', raw, { log_raw: 'true' }), device('plain/', plain)])
    await broker.request(event({ secret: canary }, false))
    await broker.shutdown()
    expect(readFileSync(raw, 'utf8')).to.include(canary)
    expect(readFileSync(plain, 'utf8')).to.not.include(canary)
  })

  it('fails closed when no device accepts the line, and continues when one does', async () => {
    const folder = join(temporaryFolder(), 'gone')
    mkdirSync(folder)
    const broker = await brokerOn(join(folder, 'audit.log'))
    await broker.request(event({}, false))
    renameSync(folder, `${folder}-away`)
    const refused = await Promise.resolve(broker.request(event({}, false))).catch((thrown: unknown) => thrown)
    expect(refused).to.be.instanceOf(Fault)
    renameSync(`${folder}-away`, folder)
    await broker.request(event({}, false))
    await broker.shutdown()
    expect((await verifyAuditFiles([join(folder, 'audit.log')])).ok).to.equal(true)
  })

  it('chains every line to the one before, also over restarts', async () => {
    const path = await logOf(20)
    const again = await brokerOn(path)
    await again.request(event({}, false))
    await again.shutdown()
    expect(await verifyAuditFiles([path])).to.deep.equal({ ok: true, lines: 42 })
  })

  it('finds every change, removal, addition, copy and move of a line', async () => {
    const path = await logOf(15)
    const whole = lines(path)
    const found = async (changed: readonly string[]) => {
      writeFileSync(path, changed.map((line) => `${line}\n`).join(''))
      return (await verifyAuditFiles([path])).firstBad?.line
    }
    for (let at = 0; at < whole.length - 1; at++) {
      const line = whole[at] as string
      const middle = Math.floor(line.length / 2)
      const flipped = line.slice(0, middle) + (line[middle] === 'x' ? 'y' : 'x') + line.slice(middle + 1)
      expect(await found(whole.with(at, flipped)), `change ${at}`).to.be.oneOf([at + 1, at + 2])
      if (at > 0) expect(await found(whole.filter((_, other) => other !== at)), `delete ${at}`).to.equal(at + 1)
      expect(await found([...whole.slice(0, at + 1), ...whole.slice(at)]), `copy ${at}`).to.equal(at + 2)
      expect(await found(whole.with(at, whole[at + 1] as string).with(at + 1, line)), `swap ${at}`).to.be.oneOf([
        at + 1,
        at + 2,
      ])
    }
    expect(await found(whole)).to.equal(undefined)
  })

  it('accepts a last line that a crash cut at any byte', async () => {
    const path = await logOf(2)
    const whole = readFileSync(path)
    const last = whole.lastIndexOf(10, whole.length - 2) + 1
    for (let size = last + 1; size < whole.length; size += 9) {
      writeFileSync(path, whole)
      truncateSync(path, size)
      const broker = await brokerOn(path)
      await broker.request(event({}, false))
      await broker.shutdown()
      expect((await verifyAuditFiles([path])).ok, `cut at ${size}`).to.equal(true)
    }
    expect(statSync(`${path}.torn`).mode & 0o077).to.equal(0)
  })

  it('CVE-2025-6000, CVE-2026-5051: refuses executables, world-readable files, links and prefixes, by either name of the option', async () => {
    const folder = temporaryFolder()
    const path = join(folder, 'audit.log')
    await (await brokerOn(join(folder, 'x.log'), { mode: '0700' })).shutdown()
    expect(statSync(join(folder, 'x.log')).mode & 0o777).to.equal(0o600)
    const tries: Readonly<Record<string, string>>[] = [
      { file_path: path, mode: '0755' },
      { file_path: path, mode: '0666' },
      { path, mode: '0666' },
      { path: '../x' },
      { path: 'relative.log' },
      { file_path: '' },
      { file_path: path, prefix: '#!/bin/sh' },
    ]
    for (const options of tries) {
      const broker = new AuditBroker({
        clock: systemClock,
        log: silent,
        random: randomBytes,
        types: { file: fileDevice },
      })
      const refused = await broker
        .configure([{ path: 'f/', type: 'file', description: '', local: false, options }])
        .catch((thrown: unknown) => thrown)
      expect(refused, JSON.stringify(options)).to.be.instanceOf(Fault)
    }
    symlinkSync('/etc/hostname', join(folder, 'link.log'))
    expect(await brokerOn(join(folder, 'link.log')).catch((thrown: unknown) => thrown)).to.be.instanceOf(Fault)
  })

  it('continues in a new file when the old one was moved or removed (with or without SIGHUP)', async () => {
    const path = join(temporaryFolder(), 'audit.log')
    const broker = await brokerOn(path)
    await broker.request(event({}, false))
    renameSync(path, `${path}.1`)
    await broker.reopen()
    await broker.request(event({}, false))
    unlinkSync(path)
    await broker.request(event({}, false))
    await broker.shutdown()
    // A first line in each file, and one that tells of the removal.
    expect(lines(`${path}.1`)).to.have.length(2)
    expect(lines(path)).to.have.length(3)
  })

  it('keeps its salt: the hash of a string is the same after a restart', async () => {
    const { barrier } = await openBarrier()
    const path = join(temporaryFolder(), 'audit.log')
    const hash = async (): Promise<string> => {
      const broker = await brokerOn(path)
      await broker.open(barrier.view('audit/'))
      const made = broker.hash('file/', canary)
      await broker.shutdown()
      return made
    }
    expect(await hash()).to.equal(await hash())
  })

  it('refuses a file that another program has written to', async () => {
    const path = await logOf(1)
    appendFileSync(path, 'not ours\n')
    expect(await brokerOn(path).catch((thrown: unknown) => thrown)).to.be.instanceOf(Fault)
  })
})
