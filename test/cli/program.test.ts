import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { expect } from 'chai'
import { temporaryFolder } from '../support/folder.ts'
import { leaveOut } from '../support/leave-out.ts'
import { levelServer } from '../support/server.ts'
import { scripted } from './support.ts'
import { program } from '../support/program.ts'

const world = (more: Readonly<Record<string, string>> = {}) => ({
  PATH: process.env['PATH'] ?? '',
  HOME: temporaryFolder(),
  ...more,
})

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs a program to its end; `input` is what is typed or piped. */
async function ended(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  input = '',
): Promise<Ended> {
  const child = spawn(command, args, { env })
  let [out, err] = ['', '']
  child.stdout.on('data', (part: Buffer) => (out += part.toString()))
  child.stderr.on('data', (part: Buffer) => (err += part.toString()))
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, out, err }
}

/** A command line on a terminal of its own, where `answer` is typed once the question stands there. */
async function onTerminal(line: string, env: Readonly<Record<string, string>>, answer: string): Promise<Ended> {
  const child = spawn('script', ['-qefc', `"${process.execPath}" "${program}" ${line}`, '/dev/null'], { env })
  let out = ''
  child.stdout.on('data', (part: Buffer) => {
    const asked = out.includes('hidden')
    out += part.toString()
    if (!asked && out.includes('hidden')) child.stdin.write(answer)
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, out, err: '' }
}

describe('the program', () => {
  it('ends without an error when its reader closes the pipe', async () => {
    const big = { data: { text: 'x'.repeat(4_000_000) } }
    await scripted({ 'GET /v1/a': [{ body: big }] }, async (_, __, address) => {
      const line = `"${process.execPath}" "${program}" read a | head -c 10`
      const { out, err } = await ended('sh', ['-c', line], world({ VAULT_ADDR: address }))
      expect([out, err]).to.deep.equal(['Key     Va', ''])
    })
  })

  it('shows no stack, whatever happens', async () => {
    for (const args of [
      ['server', '-config=/no/such/file'],
      ['server', '-dev', '-dev-listen-address=nowhere'],
      ['server', '-dev', '-log-level=loud'],
      ['server', '-dev', '-log-rotate-bytes=0'],
      ['server', '-dev', '-log-rotate-duration=soon'],
      ['server', '-dev', '-log-rotate-max-files=-2'],
      ['server', '-dev', '-log-file=relative.log'],
      ['policy', 'fmt', '/no/such/file'],
      ['nonsense'],
      ['login', '-address=http://127.0.0.1:1'],
      ['operator', 'unseal', '-address=http://127.0.0.1:1'],
    ]) {
      const { code, out, err } = await ended(process.execPath, [program, ...args], world())
      expect(code, args.join(' ')).to.be.greaterThan(0)
      expect(out + err).to.not.match(/\n\s+at |node:internal/)
      expect(err).to.not.equal('')
    }
  })

  it('refuses invalid UTF-8, in a file, on standard input and in an argument, instead of changing it', async () => {
    await scripted({ 'PUT /v1/a': [{ status: 204 }] }, async (_, server, address) => {
      const env = world({ VAULT_ADDR: address, NODE: process.execPath, PROGRAM: program })
      const run = async (line: string): Promise<Ended> => ended('sh', ['-c', line], { ...env, PWD: env.HOME })
      const cli = '"$NODE" "$PROGRAM"'
      for (const line of [
        `printf 'a\\377' | ${cli} write a v=-`,
        `printf '{"a":"\\303"}' | ${cli} write a -`,
        `printf 'a\\377' > "$HOME/f"; ${cli} write a v=@"$HOME/f"`,
        `${cli} write a "v=$(printf 'a\\377')"`,
        `${cli} write "a/$(printf '\\377')" v=1`,
        `printf 'a\\377' | ${cli} policy write p -`,
      ]) {
        const { code, err } = await run(line)
        expect([code, err.includes('UTF-8')], `${line}: ${err}`).to.deep.equal([1, true])
      }
      expect(await run(`printf a | ${cli} write a v=- w=-`)).to.include({ code: 1 })
      expect(server.lines).to.deep.equal([])
      expect((await run(`printf '\\357\\273\\277\\303\\251\n' | ${cli} write a v=-`)).code).to.equal(0)
      expect(JSON.parse(server.seen[0]?.body ?? '')).to.deep.equal({ v: '\ufeffé\n' })
    })
  })

  it('reads a share from standard input, and from a terminal without showing it', async function () {
    if (spawnSync('script', ['--version']).status !== 0) leaveOut(this, 'no script (util-linux) on this machine')
    const server = await levelServer()
    const env = world({ VAULT_ADDR: server.running.address })
    try {
      const made = await ended(process.execPath, [program, 'operator', 'init', '-n=3', '-t=3', '-format=json'], env)
      const [a, b, c] = (JSON.parse(made.out) as { unseal_keys_b64: [string, string, string] }).unseal_keys_b64
      const piped = await ended(process.execPath, [program, 'operator', 'unseal', '-'], env, `${a}\n`)
      expect([piped.code, piped.out.includes('1/3')]).to.deep.equal([0, true])

      const typed = await onTerminal('operator unseal', env, `wrong\u0015${b}x\u007f\r`)
      expect([typed.code, typed.out.includes('2/3')], typed.out).to.deep.equal([0, true])
      expect(typed.out).to.include('Key share (will be hidden): ').and.not.include(b.slice(0, 8))

      const stopped = await onTerminal('operator unseal', env, `${c.slice(0, 5)}\u0003`)
      expect([stopped.code, stopped.out.includes('interrupted')]).to.deep.equal([1, true])
      const last = await onTerminal('operator unseal', env, `${c}\n`)
      expect(last.out).to.match(/Sealed +false/)
    } finally {
      await server.running.stop()
    }
  })

  it('logs in on a terminal without showing the token', async function () {
    if (spawnSync('script', ['--version']).status !== 0) leaveOut(this, 'no script (util-linux) on this machine')
    const script = { 'GET /v1/auth/token/lookup-self': [{ body: { data: { id: 'hvs.secret', policies: ['p'] } } }] }
    await scripted(script, async (_, server, address) => {
      const { code, out } = await onTerminal('login -no-print', world({ VAULT_ADDR: address }), 'hvs.secret\r')
      expect([code, out.includes('hvs.secret')], out).to.deep.equal([0, false])
      expect(server.seen[0]?.headers['x-vault-token']).to.equal('hvs.secret')
    })
  })
})
