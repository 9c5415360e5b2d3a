import { generateKeyPairSync } from 'node:crypto'
import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import { checkpointFileOf, readCheckpoints } from '../../../src/audit/checkpoints/checkpoint-file.ts'
import { cosignatureFileOf } from '../../../src/audit/checkpoints/cosignature-file.ts'
import { cosigner } from '../../../src/audit/checkpoints/note-keys.ts'
import { vkeyText } from '../../../src/audit/checkpoints/verifier-key.ts'
import { verifyLogs } from '../../../src/audit/offline/verify.ts'
import { WitnessKeeper, witnessEvery } from '../../../src/audit/witness/keeper.ts'
import { listenAsWitness } from '../../../src/audit/witness/listen.ts'
import { WitnessMemory } from '../../../src/audit/witness/memory.ts'
import { Witness } from '../../../src/audit/witness/witness.ts'
import { silent } from '../../../src/util/log.ts'
import { HandClock } from '../../support/clock.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { SampleLog } from '../sample-log.ts'

describe('submissions of a server to witnesses', () => {
  const signer = cosigner('witness.example.org/w1', generateKeyPairSync('ed25519').privateKey, () => Date.UTC(2026, 10, 27)) // prettier-ignore
  const servers: Server[] = []
  after(() => servers.forEach((server) => (server.closeAllConnections(), server.close())))

  const setup = async () => {
    const log = new SampleLog(join(temporaryFolder(), 'audit.log')).requests(4).checkpoint()
    const memory = temporaryFolder()
    const witness = new Witness({ memory: new WitnessMemory(memory), signer, keys: () => log.signers.map(({ key }) => ({ key, from: 0 })) }) // prettier-ignore
    const server = await listenAsWitness(witness, { host: '127.0.0.1', port: 0 }, silent)
    servers.push(server)
    const said: { readonly level: string; readonly message: string }[] = []
    const say = (level: string) => (message: string) => void said.push({ level, message })
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const keeper = (path = log.path, clock = new HandClock()) =>
      new WitnessKeeper({ witnesses: [{ name: 'w', url, key: signer.key, tls: {} }], files: () => [path], clock, log: { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') } }) // prettier-ignore
    const sizes = (): number[] => readCheckpoints(readFileSync(cosignatureFileOf(log.path), 'utf8')).map((one) => one?.checkpoint.size ?? 0) // prettier-ignore
    return { log, keeper, said, sizes, server }
  }

  it('sends new checkpoints, across rotations and restarts, and keeps the newest cosigned one beside the log', async () => {
    const { log, keeper, said, sizes } = await setup()
    const first = keeper()
    await first.round()
    expect(sizes()).to.deep.equal([5])
    log.requests(7).checkpoint()
    await first.round()
    expect(sizes()).to.deep.equal([12])
    const closed = log.rotate()
    log.requests(2).checkpoint()
    await first.round()
    expect(sizes()).to.deep.equal([15])
    writeFileSync(`${closed}.gz`, gzipSync(readFileSync(closed)))
    rmSync(closed)
    log.rotate()
    log.requests(3).checkpoint()
    const second = keeper()
    await second.round()
    log.requests(1).checkpoint()
    await second.stop(async () => void log.requests(1).checkpoint())
    expect(sizes()).to.deep.equal([21])
    expect(said).to.deep.equal([])
    expect(statSync(cosignatureFileOf(log.path)).mode & 0o137).to.equal(0)
    const witnesses = [vkeyText(signer.key)]
    const files = readdirLogs(log.path)
    const { intact, logs } = await verifyLogs(files, { witnesses })
    expect(intact, JSON.stringify(logs.map(({ findings }) => findings))).to.equal(true)
    expect(logs[0]?.witnessed).to.deep.equal([{ name: signer.key.name, size: 21, time: Date.UTC(2026, 10, 27) / 1000 }])
  })

  it('notices lines that were cut off together with their checkpoints, by the signature of the witness', async () => {
    const { log, keeper } = await setup()
    log.requests(3).checkpoint()
    await keeper().round()
    rmSync(checkpointFileOf(log.path))
    writeFileSync(log.path, log.lines().slice(0, 3).map((line) => `${line}\n`).join('')) // prettier-ignore
    const { logs } = await verifyLogs([log.path])
    expect(logs[0]?.findings[0]?.why).to.include('cut off')
    rmSync(cosignatureFileOf(log.path))
    expect((await verifyLogs([log.path])).intact).to.equal(true)
    expect((await verifyLogs([log.path], { witnesses: [vkeyText(signer.key)] })).intact).to.equal(false)
  })

  it('logs an error when the witness has seen another log: a rollback or a fork', async () => {
    const { log, keeper, said } = await setup()
    const [lines, checkpoints] = [readFileSync(log.path), readFileSync(checkpointFileOf(log.path))]
    log.requests(3).checkpoint()
    await keeper().round()
    writeFileSync(log.path, lines)
    writeFileSync(checkpointFileOf(log.path), checkpoints)
    const after = keeper()
    await after.round()
    await after.round()
    expect(said).to.have.length(1)
    expect(said[0]).to.include({ level: 'error' })
    expect(said[0]?.message).to.include('rolled back')
  })

  it('retries while a witness is unreachable, logs that once, and stops nothing', async () => {
    const { log, keeper, said, server } = await setup()
    const clock = new HandClock()
    const one = keeper(log.path, clock)
    const { port } = server.address() as AddressInfo
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
    one.start()
    clock.advance(witnessEvery)
    await one.round()
    await one.round()
    expect(said.map(({ level }) => level)).to.deep.equal(['warn'])
    expect(existsSync(cosignatureFileOf(log.path))).to.equal(false)
    const witness = new Witness({ memory: new WitnessMemory(temporaryFolder()), signer, keys: () => log.signers.map(({ key }) => ({ key, from: 0 })) }) // prettier-ignore
    servers.push(await listenAsWitness(witness, { host: '127.0.0.1', port }, silent))
    await one.stop(async () => {})
    expect(said.map(({ level }) => level)).to.deep.equal(['warn', 'info'])
    expect(existsSync(cosignatureFileOf(log.path))).to.equal(true)
  })
})

function readdirLogs(path: string): string[] {
  return readdirSync(join(path, '..')).map((name) => join(path, '..', name))
}
