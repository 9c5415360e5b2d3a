import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect } from 'chai'
import { temporaryFolder } from '../support/folder.ts'
import { run } from './programs/run.ts'
import { leaveOut } from '../support/leave-out.ts'

/** Kept between runs: what comes from PyPI. */
const kept = resolve('.clients')
const python = join(kept, 'python/bin/python')
const requirements = resolve('test/clients/programs/python.txt')

const all = [
  'api/secrets_engines/test_kv_v1.py',
  'api/secrets_engines/test_kv_v2.py',
  'api/secrets_engines/test_transit.py',
  'api/secrets_engines/test_identity.py',
  'api/system_backend',
  'api/auth_methods/test_token.py',
  'api/auth_methods/test_approle.py',
  'api/auth_methods/test_jwt.py',
  'api/auth_methods/test_oidc.py',
  'v1/test_integration.py',
  'v1/test_system_backend.py',
]

/** Installs hvac and what its tests need, and unpacks these: they come with its source package. @returns why it could not */
async function prepare(): Promise<string | undefined> {
  // What was installed for an earlier list of packages is not enough.
  const ready = join(kept, 'ready')
  if (existsSync(ready) && readFileSync(ready, 'utf8') === readFileSync(requirements, 'utf8')) return undefined
  mkdirSync(kept, { recursive: true })
  const pip = ['-m', 'pip', '-q', '--disable-pip-version-check']
  for (const [program, ...words] of [
    ['python3', '-m', 'venv', join(kept, 'python')],
    [python, ...pip, 'install', '-r', requirements],
    [python, ...pip, 'download', '--no-deps', '--no-binary=:all:', '--dest', kept, hvac()],
    ['tar', '-xzf', `hvac-${hvac().slice('hvac=='.length)}.tar.gz`, '--strip-components=1', '--one-top-level=hvac'],
    ['cp', requirements, 'ready'],
  ] as const) {
    const { code, out } = await run(program, words, { cwd: kept })
    if (code !== 0) return `${program}: ${out.trim().slice(-200)}`
  }
  return undefined
}

const hvac = (): string => /^hvac==.+$/m.exec(readFileSync(requirements, 'utf8'))?.[0] ?? ''

/** Tests that fail on purpose or not yet, `test: reason`, one line each. */
function reasons(): ReadonlyMap<string, string> {
  const lines = readFileSync('test/clients/programs/hvac.txt', 'utf8').split('\n')
  return new Map(lines.filter((line) => line.includes(': ')).map((line) => line.split(/: (.*)/, 2) as [string, string]))
}

describe('hvac: its own integration tests, unmodified', function () {
  this.timeout(600_000)
  const bin = temporaryFolder()
  const known = reasons()
  const failed = new Set<string>()
  const errors = new Set<string>()
  let passed = 0

  before(async function () {
    const missing = await prepare()
    if (missing === undefined) return
    leaveOut(this, `no Python 3 with venv on this machine, or no PyPI: ${missing}`)
  })

  /** Runs some of them, against servers that say they are this version of Vault. */
  async function tests(version: string, files: readonly string[], ...more: readonly string[]): Promise<void> {
    const shim = join(bin, 'vault')
    writeFileSync(
      shim,
      `#!/bin/sh\nexec '${process.execPath}' '${resolve('build/test/clients/programs/vault.js')}' "$@"\n`,
    )
    chmodSync(shim, 0o755)
    const env = { PATH: `${bin}:${process.env['PATH']}`, VAULT_VERSION: version, PYTHONDONTWRITEBYTECODE: '1' }
    const words = ['-m', 'pytest', '-n', '2', '--dist=loadscope', '-q', '-rA', '-W', 'ignore', ...more]
    const paths = files.map((file) => `tests/integration_tests/${file}`)
    const { out } = await run(python, [...words, '-o', 'addopts=', ...paths], { cwd: join(kept, 'hvac'), env })
    writeFileSync(join(kept, `${version}.log`), out)
    for (const [line] of out.matchAll(/^E {3}.*[a-z].*$/gm)) errors.add(line)
    for (const [, verdict, test = ''] of out.matchAll(/^(PASSED|FAILED|ERROR) \S+\/(\w+\.py::\S+)/gm))
      if (verdict === 'PASSED') passed++
      else failed.add(test)
    const [count = 'nothing was run'] = out.trim().split('\n').slice(-1)
    console.log(`      as Vault ${version}: ${count}`)
    expect(count, out.slice(-3000)).to.match(/\d+ passed/)
  }

  it('key-value stores, transit, tokens, sys, namespaces', async () => {
    expect(readdirSync(join(kept, 'hvac/tests/integration_tests'))).to.include('api')
    await tests('1.15.0', all, '-k', 'not generate_root')
    // From 1.10 on they want a one-time password as long as Vault's newer tokens; ours, as OpenBao's, are two shorter.
    await tests('1.9.10', ['api/system_backend/test_key.py', 'v1/test_system_backend.py'], '-k', 'generate_root')
    await tests('1.15.0+ent', ['api/system_backend/test_namespace.py'])
    expect(passed).to.be.greaterThan(200)
    const unknown = [...failed].filter((test) => !known.has(test))
    expect(unknown, [...errors].join('\n')).to.deep.equal([])
    const mended = [...known.keys()].filter((test) => !failed.has(test))
    if (mended.length > 0) console.log(`      these pass now, take them off the list: ${mended.join('; ')}`)
  })
})
