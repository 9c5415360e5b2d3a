import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { program } from '../support/program.ts'
import { corpusFolder } from './corpus.ts'

const ours = `node ${program}`
const devServer = `${ours} server -dev -dev-root-token-id=root -dev-no-store-token -dev-listen-address=127.0.0.1:{port}`

/** What one replay found: its score as the runner printed it, every step that ran, and the steps that differed (`case step`). */
export interface Replay {
  readonly score: string
  readonly ran: ReadonlySet<string>
  readonly differing: ReadonlySet<string>
}

interface Verdict {
  readonly case: string
  readonly step: number
  readonly ok: boolean
}

/** Replays recorded HTTP requests, cases named `prefix…`, against servers of ours. */
export function replayRequests(prefix: string): Replay {
  const servers = ['--sealed-server', configuredServer(false), '--unauthed-server', configuredServer(true)]
  return replay('requests.mjs', 'cases', 'golden', ['--only', prefix, ...servers])
}

/** Replays every recorded command line with our program. */
export function replayCommands(): Replay {
  return replay('commands.mjs', 'cli', 'cli-golden', ['--cli', ours, '--sealed-server', configuredServer(true)])
}

/**
 * Differences that stay: `case step, step …: reason`, one line each; `differences/auth/cert.txt` has those of the area `auth-cert`.
 * @param of - which areas are wanted
 */
export function reasons(of: (area: string) => boolean): ReadonlyMap<string, string> {
  const folder = resolve('test/parity/differences')
  const found = new Map<string, string>()
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.txt'))
  for (const file of files.filter((name) => of(name.replace('/', '-').replace('.txt', ''))))
    for (const line of readFileSync(join(folder, file), 'utf8').split('\n')) {
      const [, name, steps, reason] = /^([\w-]+) ([\d ,]+): (.+)$/.exec(line) ?? []
      for (const step of steps?.split(',') ?? []) found.set(`${name} ${step.trim()}`, reason as string)
    }
  return found
}

function replay(runner: string, cases: string, golden: string, more: readonly string[]): Replay {
  const report = join(mkdtempSync(join(tmpdir(), 'strongroom-parity-')), 'verdicts.json')
  const folders = ['--cases', join(corpusFolder(), cases), '--golden', join(corpusFolder(), golden)]
  const run = ['--jobs', '3', '--json', report, '--server', devServer]
  const done = spawnSync(
    process.execPath,
    [resolve('test/parity/runner', runner), 'check', ...folders, ...run, ...more],
    {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    },
  )
  if (!existsSync(report)) throw new Error(`the replay itself failed: ${done.stderr}`)
  const verdicts = JSON.parse(readFileSync(report, 'utf8')) as readonly Verdict[]
  const names = (some: readonly Verdict[]): ReadonlySet<string> => new Set(some.map((one) => `${one.case} ${one.step}`))
  return {
    score: done.stdout.trim().split('\n').at(-1) ?? '',
    ran: names(verdicts),
    differing: names(verdicts.filter(({ ok }) => !ok)),
  }
}

/** A server that starts uninitialised, in LevelDB, over plain HTTP; `unauthed` opens rekey and generate-root to requests without a token. */
function configuredServer(unauthed: boolean): string {
  const script = join(mkdtempSync(join(tmpdir(), 'strongroom-parity-')), 'server.sh')
  writeFileSync(
    script,
    `cat > "$2/c.hcl" <<C
storage "level" { path = "$2/db" }
listener "tcp" {
  address = "127.0.0.1:$1"
  tls_disable = true
  disable_unauthed_rekey_endpoints = ${!unauthed}
  disable_unauthed_generate_root_endpoints = ${!unauthed}
}
unsafe_allow_api_audit_creation = true
C
exec ${ours} server -config="$2/c.hcl"
`,
  )
  return `sh ${script} {port} {dir}`
}
