import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { verifyLogs } from '../src/audit/offline/verify.ts'
import { SampleLog } from '../test/audit/sample-log.ts'
import { machine, median } from './measure.ts'

/** The offline check of a signed log: lines and bytes a second, and the memory it takes. Aim: 100 MB/s or 100,000 lines/s. */
const folder = mkdtempSync(join(tmpdir(), 'strongroom-bench-'))
const hash = `hmac-sha256:${'ab'.repeat(32)}`
console.log(machine())
for (const members of [2, 16]) {
  const log = new SampleLog(join(folder, `audit-${members}.log`))
  const data = Object.fromEntries(Array.from({ length: members }, (_, at) => [`member-${at}`, hash]))
  for (let block = 0; block < 100; block++)
    log.add(...Array.from({ length: 1000 }, (_, at) => log.request(log.size + 1 + at, data))).checkpoint()
  const files = [log.path, `${log.path}.checkpoints`, `${log.path}.vkeys`]
  const bytes = statSync(log.path).size
  const times: number[] = []
  const cpu: number[] = []
  for (let round = 0; round < 5; round++) {
    const [begun, used] = [performance.now(), process.cpuUsage()]
    const { intact, logs } = await verifyLogs(files)
    if (!intact || logs[0]?.checkpoints !== 100) throw new Error('the log was not found whole')
    times.push(performance.now() - begun)
    const { user, system } = process.cpuUsage(used)
    cpu.push((user + system) / 1000)
  }
  const [ms, busy] = [median(times), median(cpu)]
  const speed = (time: number): string =>
    `${Math.round((log.size / time) * 1000)} lines/s, ${(bytes / 1000 / time).toFixed(0)} MB/s`
  console.log(
    `${log.size} lines of ${Math.round(bytes / log.size)} bytes: ${speed(ms)}; by processor time ${speed(busy)}`,
  )
}
console.log(`memory at its highest: ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB`)
rmSync(folder, { recursive: true })
