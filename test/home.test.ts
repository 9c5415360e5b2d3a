import { execFileSync, spawn } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { program } from './support/program.ts'
import { devServer } from './support/server.ts'

/** Files that name the program in another way, and give it a home of their own. */
const others = [
  'support/program.ts',
  'home.test.ts',
  'clients/programs/vault.ts',
  'docs/runner/reader.ts',
  'scenarios/server/package.slow.test.ts',
]

describe('the home folder of the user of the tests', () => {
  it('is not that of the commands that they run', async () => {
    expect(homedir()).to.not.equal(userInfo().homedir)
    const server = await devServer()
    const env = { ...process.env, VAULT_ADDR: server.running.address }
    // Not the synchronous way: the server is in this process.
    const child = spawn(process.execPath, [program, 'login', '-no-print', 'root'], { env, stdio: 'ignore' })
    expect(await new Promise((done) => child.once('close', done))).to.equal(0)
    await server.running.stop()
    expect(existsSync(join(homedir(), '.vault-token'))).to.equal(true)
    expect(execFileSync(process.execPath, ['-p', 'os.homedir()'], { encoding: 'utf8' }).trim()).to.equal(homedir())
  })

  it('stays so: every test takes the program from one place', () => {
    const files = readdirSync('test', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
    const named = files.filter((file) => /dist\/main/.test(readFileSync(join('test', file), 'utf8')))
    expect(named.filter((file) => !others.includes(file))).to.deep.equal([])
  })
})
