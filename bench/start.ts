import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { machine, median } from './measure.ts'
import { freePort, ownServer } from './servers.ts'

/**
 * Milliseconds from the start of the process until it answers for the first time, sealed; beside it, in one run and taking turns,
 * a bare `node:http` server in the same Node.
 */
const rounds = Number(process.env['ROUNDS'] ?? 15)
const folder = mkdtempSync(join(tmpdir(), 'strongroom-bench-'))
await (await ownServer(folder)).stop()

const bareServer = (port: number): readonly string[] => [
  '-e',
  `require('node:http').createServer((_, answer) => answer.end('{}')).listen(${port}, '127.0.0.1')`,
]

function sealedServer(port: number): readonly string[] {
  const config = join(folder, 'start.hcl')
  writeFileSync(
    config,
    `storage "level" { path = "${folder}/data" }
listener "tcp" { address = "127.0.0.1:${port}" tls_disable = true }
audit "file" "file" { options { file_path = "${folder}/audit.log" } }
`,
  )
  return ['dist/main.js', 'server', `-config=${config}`]
}

/** One start and one stop. */
async function untilAnswered(args: (port: number) => readonly string[]): Promise<number> {
  const port = await freePort()
  const command = args(port)
  const began = performance.now()
  const child = spawn(process.execPath, command, { stdio: 'ignore' })
  while (!(await answers(port))) if (child.exitCode !== null) throw new Error('the server ended')
  const took = performance.now() - began
  child.kill()
  await once(child, 'exit')
  return took
}

async function answers(port: number): Promise<boolean> {
  const asking = request({ port, host: '127.0.0.1', path: '/v1/sys/seal-status' })
  asking.end()
  return once(asking, 'response').then(
    ([answer]) => Boolean((answer as { resume(): unknown }).resume()),
    async () => new Promise((resolve) => setTimeout(() => resolve(false), 2)),
  )
}

const [ours, bare]: [number[], number[]] = [[], []]
for (let round = 0; round < rounds; round++) {
  bare.push(await untilAnswered(bareServer))
  ours.push(await untilAnswered(sealedServer))
}
console.log(machine())
console.log(
  `start to sealed answer: ${median(ours).toFixed(0)} ms; bare node:http ${median(bare).toFixed(0)} ms (medians of ${rounds})`,
)
rmSync(folder, { recursive: true })
