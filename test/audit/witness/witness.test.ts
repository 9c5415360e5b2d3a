import { generateKeyPairSync, verify } from 'node:crypto'
import { spawn, spawnSync } from 'node:child_process'
import { appendFileSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import type { SignedCheckpoint } from '../../../src/audit/checkpoints/checkpoint-file.ts'
import { readCheckpoints, checkpointFileOf, rangedKeyLine } from '../../../src/audit/checkpoints/checkpoint-file.ts'
import { cosigner, verifies } from '../../../src/audit/checkpoints/note-keys.ts'
import { readVkey, vkeyText } from '../../../src/audit/checkpoints/verifier-key.ts'
import type { VerifierKey } from '../../../src/audit/checkpoints/verifier-key.ts'
import { consistencySpans, SpanHasher } from '../../../src/audit/checkpoints/proofs.ts'
import { hashLeaf } from '../../../src/audit/checkpoints/tree.ts'
import { WitnessClient, WitnessDisagrees } from '../../../src/audit/witness/client.ts'
import { listenAsWitness } from '../../../src/audit/witness/listen.ts'
import { WitnessMemory } from '../../../src/audit/witness/memory.ts'
import { readSubmission, submissionText } from '../../../src/audit/witness/submission.ts'
import { Witness } from '../../../src/audit/witness/witness.ts'
import { silent } from '../../../src/util/log.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { SampleLog } from '../sample-log.ts'
import { program } from '../../support/program.ts'

const name = 'witness.example.org/w1'
const now = Date.UTC(2026, 10, 27)
const proverOf = (log: SampleLog) => async (old: number, size: number) => {
  const hasher = new SpanHasher(consistencySpans(old, size))
  for (const line of log.lines().slice(0, size)) hasher.push(hashLeaf(Buffer.from(line)))
  return hasher.roots()
}
const lastOf = (log: SampleLog): SignedCheckpoint =>
  readCheckpoints(readFileSync(checkpointFileOf(log.path), 'utf8')).at(-1) as SignedCheckpoint
const newLog = (): SampleLog => new SampleLog(join(temporaryFolder(), 'audit.log')).requests(2).checkpoint()

describe('a witness', () => {
  const secret = generateKeyPairSync('ed25519').privateKey
  const signer = cosigner(name, secret, () => now)
  const witnessOf = (log: SampleLog, folder = temporaryFolder()) =>
    new Witness({
      memory: new WitnessMemory(folder),
      signer,
      keys: () => log.signers.map(({ key }) => ({ key, from: 0 })),
    })
  const ask = (log: SampleLog, old: number, hashes: readonly Uint8Array[] = [], signed = lastOf(log)): string =>
    submissionText({ old, hashes, ...signed })

  it('signs with its time, as C2SP tlog-cosignature has it', () => {
    const log = newLog()
    const { status, body } = witnessOf(log).add(ask(log, 0))
    expect(status).to.equal(200)
    const [, encoded = ''] = /^\u2014 witness\.example\.org\/w1 (\S+)\n$/u.exec(body) ?? []
    const bytes = Buffer.from(encoded, 'base64')
    expect(bytes.toString('hex', 0, 4)).to.equal(signer.key.id)
    expect(bytes.readBigUInt64BE(4)).to.equal(BigInt(now / 1000))
    const message = `cosignature/v1\ntime ${now / 1000}\n${lastOf(log).note.text}`
    expect(verify(null, Buffer.from(message), secret, bytes.subarray(12))).to.equal(true)
    expect(verifies(readVkey(vkeyText(signer.key)) as VerifierKey, lastOf(log).note.text, bytes.subarray(4))).to.equal(
      true,
    )
  })

  it('follows a growing log, and tells a mistaken one its newest size', async () => {
    const log = newLog()
    const witness = witnessOf(log)
    expect(witness.add(ask(log, 0)).status).to.equal(200)
    log.requests(5).checkpoint()
    const proof = await proverOf(log)(3, 8)
    expect(witness.add(ask(log, 0))).to.deep.include({ status: 409, type: 'text/x.tlog.size', body: '3\n' })
    expect(witness.add(ask(log, 2, proof)).status).to.equal(409)
    expect(witness.add(ask(log, 3, [])).status).to.equal(422)
    expect(witness.add(ask(log, 3, proof.toReversed())).status).to.equal(422)
    expect(witness.add(ask(log, 9)).status).to.equal(400)
    expect(witness.add(ask(log, 3, proof)).status).to.equal(200)
    // The same again is no harm.
    expect(witness.add(ask(log, 8)).status).to.equal(200)
  })

  it('signs no log that was rolled back, and none that forks', async () => {
    const log = newLog()
    const witness = witnessOf(log)
    const early = lastOf(log)
    log.requests(5).checkpoint()
    expect(witness.add(ask(log, 0)).status).to.equal(200)
    expect(witness.add(ask(log, 0, [], early)).status).to.equal(409)
    expect(witness.add(ask(log, 8, [], early)).status).to.equal(400)
    expect(witness.add(ask(log, 3, [], early)).status).to.equal(409)
    const twin = new SampleLog(join(temporaryFolder(), 'audit.log'), log.id).add('{"a":1').requests(6)
    twin.checkpoint(log.signers)
    expect(twin.size).to.equal(8)
    expect(witness.add(ask(twin, 8))).to.include({ status: 409, body: '8\n' })
    twin.requests(1).checkpoint(log.signers)
    expect(witness.add(ask(twin, 8, await proverOf(twin)(8, 9))).status).to.equal(422)
  })

  it('responds 404 to other logs, 403 without a signature, and 400 to malformed requests', () => {
    const log = newLog()
    const witness = witnessOf(log)
    expect(witness.add(ask(newLog(), 0)).status).to.equal(404)
    log.checkpoint([log.newSigner()])
    expect(witness.add(ask(log, 0)).status).to.equal(403)
    for (const text of [
      '',
      'old 1',
      'old -1\n\nx',
      'old 01\n\nx',
      `old 0\n${'A'.repeat(44)}\n\nx`,
      `old 0\n${'\n'.repeat(70)}`,
    ])
      expect(witness.add(text).status, JSON.stringify(text)).to.equal(400)
    const many = submissionText({
      ...lastOf(log),
      old: 0,
      hashes: Array.from({ length: 64 }, () => new Uint8Array(32)),
    })
    expect(readSubmission(many)).to.equal(undefined)
  })

  it('keeps its state across restarts, and signs nothing without it', () => {
    const log = newLog()
    const folder = temporaryFolder()
    expect(witnessOf(log, folder).add(ask(log, 0)).status).to.equal(200)
    expect(witnessOf(log, folder).add(ask(log, 0))).to.include({ status: 409, body: '3\n' })
    const [file = ''] = readdirSync(folder)
    writeFileSync(join(folder, file), 'damaged')
    expect(() => witnessOf(log, folder).add(ask(log, 3))).to.throw('cannot be read')
  })

  it('refuses an old key of a log after its change of keys', () => {
    const log = newLog()
    const [old] = log.signers
    const keys = [{ key: old!.key, from: 0, to: 4 }]
    const witness = new Witness({ memory: new WitnessMemory(temporaryFolder()), signer, keys: () => keys })
    expect(witness.add(ask(log, 0)).status).to.equal(200)
    log.requests(3).checkpoint()
    expect(witness.add(ask(log, 3)).status).to.equal(403)
  })

  it('has a client that finds out its state, and accepts only its signature', async () => {
    const log = newLog()
    const server = await listenAsWitness(witnessOf(log), { host: '127.0.0.1', port: 0 }, silent)
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const client = new WitnessClient({ url, key: signer.key, tls: {} })
    const first = await client.cosigned(lastOf(log), proverOf(log))
    expect(first.signatures).to.have.length(2)
    log.requests(9).checkpoint()
    expect((await client.cosigned(lastOf(log), proverOf(log))).signatures).to.have.length(2)
    // After a restart it does not know what was seen.
    const again = new WitnessClient({ url, key: signer.key, tls: {} })
    log.requests(4).checkpoint()
    expect((await again.cosigned(lastOf(log), proverOf(log))).signatures).to.have.length(2)
    const stranger = cosigner(name, generateKeyPairSync('ed25519').privateKey, () => now)
    const wary = new WitnessClient({ url, key: stranger.key, tls: {} })
    expect(String(await wary.cosigned(lastOf(log), proverOf(log)).catch((why: unknown) => why))).to.include(
      'no cosignature',
    )
    // Rolled back as a whole: log, checkpoints, and everything the server knows.
    const rolled = readCheckpoints(readFileSync(checkpointFileOf(log.path), 'utf8'))[0] as SignedCheckpoint
    const after = new WitnessClient({ url, key: signer.key, tls: {} })
    expect(await after.cosigned(rolled, proverOf(log)).catch((why: unknown) => why)).to.be.instanceOf(WitnessDisagrees)
    const twin = new SampleLog(join(temporaryFolder(), 'audit.log'), log.id).add('{"a":1').requests(20)
    twin.checkpoint(log.signers)
    expect(await after.cosigned(lastOf(twin), proverOf(twin)).catch((why: unknown) => why)).to.be.instanceOf(
      WitnessDisagrees,
    )
    for (const one of [client, again, wary, after]) one.close()
    const odd = await fetch(url, { method: 'GET' })
    expect(odd.status).to.equal(404)
    expect((await fetch(`${url}add-checkpoint`, { method: 'POST', body: 'x'.repeat(300_000) })).status).to.equal(400)
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  })

  it('serves plain HTTP beyond this machine only if configured, and is asked only for new checkpoints', function () {
    this.timeout(60_000)
    const folder = temporaryFolder()
    const run = (...more: string[]) =>
      spawnSync(process.execPath, [program, 'audit', 'witness', `-name=${name}`, `-key=${join(folder, 'key.pem')}`, `-state=${join(folder, 'seen')}`, `-log=${join(folder, 'none')}`, ...more], { encoding: 'utf8' }) // prettier-ignore
    const allow = '-unsafe-allow-tls-disable-on-network'
    for (const host of ['0.0.0.0', '[::]', '192.0.2.1', 'witness.example.org']) {
      const { status, stderr } = run(`-listen=${host}:0`)
      expect(status, host).to.equal(1)
      expect(stderr, host).to.match(
        /plain HTTP on .* -tls-cert-file.*127\.0\.0\.1.*-unsafe-allow-tls-disable-on-network/s,
      )
      // The log that is missing is looked for after that.
      expect(run(`-listen=${host}:0`, allow).stderr, host).to.not.contain('plain HTTP')
    }
    for (const more of [['-listen=127.0.0.1:0'], ['-listen=0.0.0.0:0', '-tls-cert-file=a', '-tls-key-file=b']])
      expect(run(...more, allow).stderr, more.join(' ')).to.contain('has no effect')
  })

  it('is a program: creates its key, listens, reads new keys of its logs, ends at SIGTERM', async function () {
    this.timeout(20_000)
    const folder = temporaryFolder()
    const log = newLog()
    const keys = join(folder, 'keys')
    writeFileSync(keys, '# of the logs\n')
    const words = ['audit', 'witness', `-name=${name}`, `-key=${join(folder, 'key.pem')}`, `-state=${join(folder, 'seen')}`, `-log=${keys}`, '-listen=127.0.0.1:0'] // prettier-ignore
    const child = spawn(process.execPath, [program, ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
    let out = ''
    await new Promise<void>((done) => {
      child.stdout.on('data', (part: Buffer) => {
        out += part.toString()
        if (out.split('\n').length === 3) done()
      })
    })
    const [, url = '', vkey = ''] = /listens on (\S+)\n(\S+)\n$/.exec(out) ?? []
    const client = new WitnessClient({ url, key: readVkey(vkey) as VerifierKey, tls: {} })
    expect(String(await client.cosigned(lastOf(log), proverOf(log)).catch((why: unknown) => why))).to.include('404')
    appendFileSync(keys, rangedKeyLine({ key: log.signers[0]!.key, from: 0 }))
    expect((await client.cosigned(lastOf(log), proverOf(log))).signatures).to.have.length(2)
    client.close()
    child.kill('SIGTERM')
    expect(await new Promise((done) => child.once('close', done))).to.equal(0)
  })
})
