import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { unsafeStartOption } from '../../../src/server/process/harden-process.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { appendFileSync, writeFileSync } from 'node:fs'
import { program } from '../../support/program.ts'
import { keyFile, sealedConfig, staticSeal } from '../../support/seals.ts'

const root = join(import.meta.dirname, '../../..')

/** Runs node to its end, or until `enough` says so of what it has written; then it is told to end. */
async function node(
  args: readonly string[],
  { env = {}, heard }: { env?: Readonly<Record<string, string>>; heard?: (said: string, pid: number) => boolean } = {},
): Promise<{ readonly code: number | null; readonly said: string }> {
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env['PATH'] ?? '', HOME: temporaryFolder(), ...env },
  })
  let said = ''
  let isTold = false
  const hear = (part: Buffer): void => {
    said += part.toString()
    // A second signal would end it at once.
    if (!isTold && heard?.(said, child.pid as number)) isTold = child.kill('SIGTERM')
  }
  child.stdout.on('data', hear)
  child.stderr.on('data', hear)
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, said }
}

function configured(): string {
  const folder = temporaryFolder()
  const config = join(folder, 'c.hcl')
  writeFileSync(
    config,
    `storage "level" { path = "${folder}/data" }\nlistener "tcp" { address = "127.0.0.1:0" tls_disable = true }\n`,
  )
  return config
}

describe('the process of a server', () => {
  it('is not started with options that would show its secrets', async () => {
    for (const word of [
      '--inspect',
      '--inspect-brk=0',
      '--inspect_port=1',
      '--cpu-prof',
      '--heap-prof',
      '--heapsnapshot-signal=SIGUSR2',
      '--report-on-signal',
      '--tls-keylog=/tmp/k',
      '--insecure-http-parser',
      '--abort-on-uncaught-exception',
    ])
      expect(unsafeStartOption({ execArgv: [word], env: {} }), word).to.be.a('string')
    for (const word of ['--max-old-space-size=512', '--enable-source-maps', '--use-openssl-ca', '--import=./apm.js'])
      expect(unsafeStartOption({ execArgv: [word], env: { NODE_OPTIONS: word } }), word).to.equal(undefined)
    expect(unsafeStartOption({ execArgv: [], env: { NODE_OPTIONS: '--no-warnings "--inspect"' } })).to.be.a('string')
    const config = configured()
    for (const [args, env] of [
      [['--cpu-prof', '--cpu-prof-dir', temporaryFolder()], {}],
      [[], { NODE_OPTIONS: '--report-on-fatalerror' }],
      [[], { NODE_DEBUG: 'http' }],
    ] as const) {
      const { code, said } = await node([...args, program, 'server', `-config=${config}`], { env })
      expect(code, said).to.equal(1)
      expect(said).to.match(/does not start with (--cpu-prof|--report-on-fatalerror|NODE_DEBUG):/)
    }
  })

  it('says all addresses that it listens on', async () => {
    const config = configured()
    appendFileSync(config, `listener "unix" { address = "${dirname(config)}/socket" }\n`)
    const { said } = await node([program, 'server', `-config=${config}`], {
      heard: (text) => text.includes('listens on'),
    })
    expect(said).to.match(/listens on http:\/\/127\.0\.0\.1:\d+ and unix:\/\/\S+\/socket; it is not initialised/)
  })

  it('says what comes next, also after a first boot', async () => {
    const folder = temporaryFolder()
    const seal = staticSeal(keyFile(folder, 'key'))
    const policy =
      'initialize "a" {\n request "b" { operation = "update" path = "sys/policies/acl/c" data = { policy = "# c" } }\n}'
    const next = async (text: string): Promise<string> => {
      const args = [program, 'server', `-config=${sealedConfig(folder, text)}`]
      return (await node(args, { heard: (said) => said.includes('listens on') })).said
    }
    expect(await next(seal)).to.match(/; it is not initialised yet \(strongroom operator init\)\n/)
    for (const start of ['first', 'second'])
      expect(await next(`${seal}\n${policy}`), start).to.match(/listens on \S+; its seal unseals it\n/)
    expect(await next('')).to.match(/; it is sealed until enough key shares are submitted/)
  })

  it('opens no debugger on SIGUSR1', async () => {
    let asked = false
    const { code, said } = await node([program, 'server', `-config=${configured()}`], {
      heard: (text, pid) => {
        if (!text.includes('listens on')) return false
        if (!asked) process.kill(pid, 'SIGUSR1')
        asked = true
        // The signal comes before the one that ends it: both are taken in this order.
        return true
      },
    })
    expect(code, said).to.equal(0)
    expect(said).to.not.match(/debugger/i)
  })

  it('exits with status 70 on an unexpected error, and logs only its kind', async () => {
    const guard = join(root, 'src/server/process/harden-process.js')
    for (const mistake of [
      "throw new TypeError('s3cret')",
      "await Promise.reject(new TypeError('s3cret'))",
      "Promise.reject(new TypeError('s3cret'))",
    ]) {
      const later = `setTimeout(async () => { ${mistake} }); setInterval(() => {}, 1000)`
      const script = `import { guardProcess } from '${guard}'; guardProcess(true); ${later}`
      const { code, said } = await node(['--input-type=module', '-e', script])
      expect(code, said).to.equal(70)
      expect(said)
        .to.match(/TypeError/)
        .and.not.match(/s3cret|\.js|\n\s+at /)
    }
  })

  it('makes files for its owner only, whatever the umask was', async () => {
    const guard = join(root, 'src/server/process/harden-process.js')
    const script = `process.umask(0); (await import('${guard}')).guardProcess(true); console.log(process.umask().toString(8))`
    expect((await node(['--input-type=module', '-e', script])).said).to.equal('77\n')
  })
})
