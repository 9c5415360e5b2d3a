import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { expect } from 'chai'
import { program } from '../../support/program.ts'

const residentMiB = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024

/** Sends the same request so often over one connection, a hundred at a time, and counts the answers that are right. */
async function flood(port: number, request: string, times: number): Promise<number> {
  const socket = connect(port, '127.0.0.1')
  let right = 0
  let seen = 0
  let rest = ''
  const next = (): unknown => socket.write(request.repeat(100))
  socket.on('data', (part: Buffer) => {
    const text = rest + part.toString('latin1')
    const lines = text.split('HTTP/1.1 ')
    rest = lines.length > 1 ? '' : text.slice(-20)
    for (const line of lines.slice(1)) {
      seen++
      if (line.startsWith('403')) right++
      if (seen === times) socket.end()
      else if (seen % 100 === 0) next()
    }
  })
  next()
  await once(socket, 'close')
  return right
}

describe('a flood of LISTs', () => {
  it('of a hundred thousand leaves a server with a heap of 64 MiB as large as it was', async function () {
    this.timeout(300_000)
    const args = ['--max-old-space-size=64', program, 'server', '-dev', '-dev-root-token-id=root', '-dev-listen-address=127.0.0.1:0']
    const child = spawn(process.execPath, args, { env: { PATH: process.env['PATH'] ?? '' } })
    let said = ''
    child.stdout.on('data', (part: Buffer) => (said += part.toString()))
    child.stderr.on('data', (part: Buffer) => (said += part.toString()))
    while (!/127\.0\.0\.1:(\d{2,})/.test(said)) await once(child.stdout, 'data')
    const port = Number(/127\.0\.0\.1:(\d{2,})/.exec(said)?.[1])
    const list = 'LIST /v1/sys/policies/acl HTTP/1.1\r\nHost: a\r\n\r\n'
    expect(await flood(port, list, 40_000)).to.equal(40_000)
    // By now every pool of the engine has grown to its size.
    const before = residentMiB(child.pid as number)
    expect(await flood(port, list, 60_000)).to.equal(60_000)
    expect(residentMiB(child.pid as number) - before).to.be.lessThan(30)
    child.kill('SIGTERM')
    await once(child, 'close')
  })
}) // prettier-ignore
