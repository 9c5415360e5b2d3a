import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { askToken } from '../../src/pkcs11/ask-token.ts'
import type { TokenAnswer, TokenJob } from '../../src/pkcs11/job.ts'
import { HandClock } from '../support/clock.ts'
import { temporaryFolder } from '../support/folder.ts'

const job: TokenJob = {
  lib: '/nowhere', tokenLabel: 'lab', pin: '1234', key: { label: 'k', id: '' }, associated: Buffer.alloc(0),
  action: 'encrypt', plaintext: Buffer.alloc(32), iv: Buffer.alloc(12), hash: 'sha256',
} // prettier-ignore

/** Asks a process that does something else with the job. */
async function answer(code: string, clock = new HandClock()): Promise<TokenAnswer> {
  const program = join(temporaryFolder(), 'program.mjs')
  writeFileSync(program, code)
  return askToken(job, clock, program)
}

describe('a token that is asked in a process of its own', () => {
  it('answers the reason of a failure, without the path of the library', async () => {
    const failed = await askToken({ ...job, lib: '/usr/lib/nowhere/hsm.so' }, new HandClock())
    expect(failed).to.deep.equal({ kind: 'failed', fault: 'device', why: 'the file of lib is not there' })
    const other = await askToken({ ...job, lib: process.execPath }, new HandClock())
    expect(other).to.include({ kind: 'failed', fault: 'device' })
    expect(JSON.stringify(other))
      .to.match(/lib cannot be loaded/)
      .and.not.match(/\/bin\//)
  })

  it('fails the job, and nothing else, when the library crashes', async () => {
    for (const [code, how] of [
      ["process.kill(process.pid, 'SIGSEGV')", 'SIGSEGV'],
      ["process.once('message', () => process.abort())", 'SIGABRT'],
      ["process.once('message', () => process.exit(7))", 'status 7'],
      ["throw new Error('at once')", 'status 1'],
    ] as const)
      expect(await answer(code)).to.deep.equal({ kind: 'failed', fault: 'device', why: `its library ended the process (${how})` }) // prettier-ignore
  })

  it('is ended after 30 seconds, also inside of a library that hangs', async () => {
    const clock = new HandClock()
    const waiting = answer("process.once('message', () => { for (;;); })", clock)
    clock.advance(29_999)
    const early = await Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 300, 'hangs'))])
    expect(early).to.equal('hangs')
    clock.advance(1)
    expect(await waiting).to.deep.equal({ kind: 'failed', fault: 'device', why: 'no answer within 30 seconds' })
  })

  it('cannot be asked by a server without file descriptors, which lives on', async () => {
    const program = join(temporaryFolder(), 'program.mjs')
    writeFileSync(program, `
      import { openSync } from 'node:fs'
      const { askToken } = await import(${JSON.stringify(import.meta.resolve('../../src/pkcs11/ask-token.js'))})
      try { for (;;) openSync('/dev/null') } catch {}
      const answer = await askToken(${JSON.stringify(job)}, { now: Date.now, after: () => ({ cancel() {} }) })
      process.exit(answer.why === 'its process could not be started' ? 42 : 1)`) // prettier-ignore
    // In a process group of its own, which a signal without a process id would reach.
    const server = spawn('/bin/sh', ['-c', 'ulimit -n 64; exec "$0" "$1"', process.execPath, program], { detached: true, stdio: 'ignore' }) // prettier-ignore
    expect(await new Promise((resolve) => server.once('exit', (code, signal) => resolve(signal ?? code)))).to.equal(42)
  })

  it('gives no secret of the server to the library', async () => {
    process.env['VAULT_TOKEN'] = 'hidden'
    process.env['NAME_OF_AN_HSM'] = 'there'
    try {
      const seen = await answer("process.once('message', () => process.send({ kind: 'failed', fault: 'device', why: JSON.stringify(process.env) }, () => process.exit()))") // prettier-ignore
      expect(JSON.stringify(seen)).to.include('NAME_OF_AN_HSM').and.not.include('hidden')
    } finally {
      delete process.env['VAULT_TOKEN']
      delete process.env['NAME_OF_AN_HSM']
    }
  })
})
