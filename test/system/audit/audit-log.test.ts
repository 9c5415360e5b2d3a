import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { readCheckpoint } from '../../../src/audit/checkpoints/checkpoint.ts'
import { mayCover, readCheckpoints, readRangedKeys } from '../../../src/audit/checkpoints/checkpoint-file.ts'
import { leafHash } from '../../../src/audit/lines/chain.ts'
import { signersOf } from '../../../src/audit/checkpoints/note-keys.ts'
import { readNote } from '../../../src/audit/checkpoints/note.ts'
import type { Note } from '../../../src/audit/checkpoints/note.ts'
import { readProof } from '../../../src/audit/checkpoints/proof-file.ts'
import { isConsistent, rootOfInclusion } from '../../../src/audit/checkpoints/proofs.ts'
import { openLevelServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'

describe('the audit log over HTTP', () => {
  let server: TestServer
  let auditor: string
  const lines = (): string[] => readFileSync(join(server.folder, 'audit.log'), 'utf8').split('\n').slice(0, -1)
  const asAuditor = async (path: string) => server.call('GET', `/v1/sys/audit/${path}`, undefined, { 'X-Vault-Token': auditor }) // prettier-ignore
  const rangedKeys = () => readRangedKeys(readFileSync(join(server.folder, 'audit.log.vkeys'), 'utf8'))

  before(async () => {
    server = await openLevelServer()
    auditor = await server.tokenWith(readFileSync('policies/auditor.hcl', 'utf8'))
    await server.data('POST', 'sys/mounts/secret', { type: 'kv' })
    for (let at = 0; at < 30; at++) await server.data('POST', `secret/${at}`, { at })
    await server.data('POST', 'sys/audit/rotate-keys')
  })
  after(async () => server.running.stop())

  it('returns the newest checkpoint, which its published key verifies', async () => {
    const { body } = await asAuditor('checkpoint')
    const data = body['data'] as Readonly<Record<string, string>>
    const note = readNote(data['checkpoint'] as string) as Note
    const signers = signersOf(note, rangedKeys().map(({ key }) => key)) // prettier-ignore
    expect(signers).to.have.length.greaterThan(0)
    expect(readCheckpoint(note.text)).to.deep.include({ origin: data['origin'], size: data['size'] })
    expect((body['data'] as Readonly<Record<string, unknown>>)['keys']).to.have.length(2)
  })

  it('proves that a line is in the log', async () => {
    for (const seq of [1, 2, 17, 40]) {
      const { body } = await asAuditor(`proof?seq=${seq}`)
      const proof = readProof((body['data'] as Readonly<Record<string, string>>)['proof'] as string)
      if (!proof) throw new Error('not a proof')
      const leaf = Buffer.from(leafHash(lines()[seq - 1] as string), 'base64')
      const { size, root } = proof.checkpoint
      expect(rootOfInclusion(leaf, proof.index, size, proof.hashes)).to.deep.equal(Buffer.from(root))
      expect(proof.index).to.equal(seq - 1)
    }
  })

  it('proves that a checkpoint goes on from an earlier one', async () => {
    const kept = readCheckpoints(readFileSync(join(server.folder, 'audit.log.checkpoints'), 'utf8'))
    const old = kept[0]?.checkpoint
    const { body } = await asAuditor(`consistency?from=${old?.size}`)
    const { hashes, checkpoint } = body['data'] as { readonly hashes: readonly string[]; readonly checkpoint: string }
    const head = readCheckpoint(readNote(checkpoint)?.text ?? '')
    if (!old || !head) throw new Error('no checkpoint')
    expect(isConsistent(old, head, hashes.map((hash) => Buffer.from(hash, 'base64')))).to.equal(true) // prettier-ignore
  })

  it('gives lines as they are', async () => {
    const { body } = await asAuditor('entries?first=5&count=7')
    expect((body['data'] as Readonly<Record<string, unknown>>)['lines']).to.deep.equal(lines().slice(4, 11))
  })

  it('refuses impossible values', async () => {
    for (const [path, status] of [
      ['proof', 400],
      ['proof?seq=99999', 400],
      ['proof?seq=-1', 400],
      ['consistency?from=0', 400],
      ['entries?count=1001', 400],
      ['entries?first=0', 400],
      ['checkpoint?device=none', 400],
      ['checkpoint?device=file', 200],
    ] as const)
      expect((await asAuditor(path)).status, path).to.equal(status)
    const rotate = await server.call('POST', '/v1/sys/audit/rotate-keys', {}, { 'X-Vault-Token': auditor })
    expect(rotate.status).to.equal(403)
    expect((await server.call('GET', '/v1/sys/audit/entries', undefined, {})).status).to.equal(403)
  })

  it('changes its signing keys: one checkpoint is signed by both, and each key keeps to its range', async () => {
    const ranged = rangedKeys()
    const [old, next] = ranged
    if (!old?.to || !next) throw new Error('no two keys')
    expect(next.from).to.equal(old.to - 1)
    const kept = readCheckpoints(readFileSync(join(server.folder, 'audit.log.checkpoints'), 'utf8'))
    let both = 0
    for (const one of kept) {
      if (!one) throw new Error('not a checkpoint')
      const signers = signersOf(one.note, ranged.map(({ key }) => key)) ?? [] // prettier-ignore
      expect(signers.length).to.be.greaterThan(0)
      for (const key of signers)
        expect(mayCover(ranged.find((range) => range.key === key) ?? old, one.checkpoint.size)).to.equal(true)
      if (signers.length === 2) both++
    }
    expect(both).to.equal(1)
    expect(lines().some((line) => line.includes('"path":"sys/audit/keys"'))).to.equal(true)
  })

  it('hashes under the salt of an older generation', async () => {
    const hash = async (more = {}) =>
      (await server.data('POST', 'sys/audit-hash/file', { input: 'x', ...more }))['hash']
    expect(await hash({ generation: 1 })).to.equal(await hash())
    const none = await server.call('POST', '/v1/sys/audit-hash/file', { input: 'x', generation: 7 })
    expect(none.status).to.equal(400)
    const options = { file_path: join(server.folder, 'second.log') }
    await server.data('POST', 'sys/audit/second', { type: 'file', options })
    const second = (await server.data('POST', 'sys/audit-hash/second', { input: 'x' }))['hash']
    await server.data('DELETE', 'sys/audit/second')
    await server.data('POST', 'sys/audit/second', { type: 'file', options })
    const now = (await server.data('POST', 'sys/audit-hash/second', { input: 'x' }))['hash']
    const old = (await server.data('POST', 'sys/audit-hash/second', { input: 'x', generation: 1 }))['hash']
    expect([old === second, now === second]).to.deep.equal([true, false])
    await server.data('DELETE', 'sys/audit/second')
  })

  it('is measured', async () => {
    const text = (await server.call('GET', '/v1/sys/metrics?format=prometheus')).text
    for (const name of ['lines', 'free_bytes', 'full', 'disturbed'])
      expect(text).to.match(new RegExp(`vault_audit_log_${name}\\{path="file/"\\} [0-9]+`))
  })
})
