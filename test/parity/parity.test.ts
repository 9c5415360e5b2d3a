import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect } from 'chai'

const corpus = resolve('../shared/parity')

interface Verdict {
  readonly case: string
  readonly step: number
  readonly ok: boolean
}

/** `case step, step …: reason`, one line each: what differs on purpose or waits for a later issue. */
function listed(file: string): Map<string, string> {
  const reasons = new Map<string, string>()
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const found = /^([\w-]+) ([\d ,]+): (.+)$/.exec(line)
    for (const step of found?.[2]?.split(',') ?? []) reasons.set(`${found?.[1]} ${step.trim()}`, found?.[3] as string)
  }
  return reasons
}

function replay(
  runner: string,
  folders: readonly [string, string],
  more: readonly string[],
  only: string,
): readonly Verdict[] {
  const out = join(mkdtempSync(join(tmpdir(), 'strongroom-parity-')), 'verdicts.json')
  const dev =
    'node dist/main.js server -dev -dev-root-token-id=root -dev-no-store-token -dev-listen-address=127.0.0.1:{port}'
  const args = [
    join(corpus, runner),
    'check',
    '--cases',
    join(corpus, folders[0]),
    '--golden',
    join(corpus, folders[1]),
    '--jobs',
    '2',
    '--json',
    out,
    '--server',
    dev,
    '--only',
    only,
    ...more,
  ]
  const done = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1 << 28 })
  const score = done.stdout.trim().split('\n').at(-1) ?? ''
  console.log(`      ${only}: ${score}`)
  expect(existsSync(out), done.stderr).to.equal(true)
  return JSON.parse(readFileSync(out, 'utf8')) as readonly Verdict[]
}

function sealedServer(unauthed: boolean): string {
  const script = join(mkdtempSync(join(tmpdir(), 'strongroom-parity-')), 'server.sh')
  const off = unauthed ? 'false' : 'true'
  writeFileSync(
    script,
    `cat > "$2/c.hcl" <<C
storage "level" { path = "$2/db" }
listener "tcp" {
  address = "127.0.0.1:$1"
  tls_disable = true
  disable_unauthed_rekey_endpoints = ${off}
  disable_unauthed_generate_root_endpoints = ${off}
}
unsafe_allow_api_audit_creation = true
C
exec node ${resolve('dist/main.js')} server -config="$2/c.hcl"
`,
  )
  return `sh ${script} {port} {dir}`
}

function check(verdicts: readonly Verdict[], file: string): void {
  const reasons = listed(file)
  const differing = verdicts.filter(({ ok }) => !ok).map((verdict) => `${verdict.case} ${verdict.step}`)
  const unexplained = differing.filter((step) => !reasons.has(step))
  expect(unexplained, 'steps that differ without a reason').to.deep.equal([])
  const seen = new Set(verdicts.map((verdict) => `${verdict.case} ${verdict.step}`))
  const mended = [...reasons.keys()].filter((step) => seen.has(step) && !differing.includes(step))
  if (mended.length > 0) console.log(`      alike now, take off the list: ${mended.join('; ')}`)
}

describe('parity with the recorded answers', function () {
  this.timeout(15 * 60_000)
  before(function () {
    if (!existsSync(corpus)) this.skip()
  })

  for (const only of ['transit-basic', 'core-']) {
    it(`${only}*: every difference has its reason`, () => {
      const servers = ['--sealed-server', sealedServer(false), '--unauthed-server', sealedServer(true)]
      check(replay('parity.mjs', ['cases', 'golden'], servers, only), 'test/parity/differences.txt')
    })
  }

  it('command lines: every difference has its reason', () => {
    const cli = ['--cli', `node ${resolve('dist/main.js')}`, '--sealed-server', sealedServer(true)]
    for (const only of ['audit', 'policy', 'seal-', 'secrets', 'status', 'token-', 'transit', 'first'])
      check(replay('cli.mjs', ['cli', 'cli-golden'], cli, only), 'test/parity/cli-differences.txt')
  })
})
