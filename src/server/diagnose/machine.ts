import { readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Check } from '../../cli/framework/command.ts'
import { unsafeStartOption } from '../process/harden-process.ts'
import { product } from '../../util/version.ts'
import { fail, group, ok, skipped, warn } from './result.ts'

/** Connections, files of LevelDB and audit files need descriptors. */
const fewestFiles = 4096
const tolerance = 60_000

/** What the checks of the machine read; absent files are skipped. */
export interface Machine {
  /** `/proc/self/limits` and `/proc/swaps` (proc(5)). */
  readonly limits: string
  readonly swaps: string
  readonly now: number
}

/** The machine that this process runs on. */
export async function thisMachine(now: number): Promise<Machine> {
  const text = async (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '')
  return { limits: await text('/proc/self/limits'), swaps: await text('/proc/swaps'), now }
}

/** Limits of the process, swap, and the clock compared with what was written before. @param folders of the storage and the audit logs */
export async function checkMachine(machine: Machine, folders: readonly string[]): Promise<Check> {
  return group('Machine', [openFiles(machine), swap(machine), await clock(machine, folders), startOptions()])
}

function openFiles({ limits }: Machine): Check {
  const found = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1]
  if (found === undefined) return skipped('Open files', 'this system has no /proc/self/limits')
  if (found === 'unlimited' || Number(found) >= fewestFiles) return ok('Open files', `the limit is ${found}`)
  return warn('Open files', `the limit is ${found}`, 'set LimitNOFILE=65536 in the systemd unit, or run: ulimit -n 65536') // prettier-ignore
}

/** What is swapped is on a disk in clear; zram is memory. */
function swap({ swaps }: Machine): Check {
  const devices = swaps.split('\n').slice(1).map((line) => line.split(/\s/)[0] ?? '').filter((name) => name !== '' && !name.startsWith('/dev/zram')) // prettier-ignore
  if (devices.length === 0) return ok('Swap', 'there is none on a disk')
  return warn('Swap', `memory with secrets can be written to ${devices.join(', ')}`, 'set MemorySwapMax=0 in the systemd unit, or encrypt the swap') // prettier-ignore
}

/** Certificates, tokens and leases need the right time. Times of files are those of this machine: no network is asked. */
async function clock({ now }: Machine, folders: readonly string[]): Promise<Check> {
  const cure = 'see whether the clock is synchronised: timedatectl status'
  const time = new Date(now).toISOString()
  if (now < Date.parse(product.buildDate)) return fail('Clock', `it shows ${time}, before this release was built`, cure)
  const newest = Math.max(0, ...(await Promise.all(folders.map(newestIn))))
  if (newest > now + tolerance)
    return fail('Clock', `it shows ${time}, but files were written at ${new Date(newest).toISOString()}`, cure)
  return ok('Clock', newest === 0 ? time : `${time}; nothing was written later`)
}

async function newestIn(folder: string): Promise<number> {
  const names = await readdir(folder).catch((): string[] => [])
  const times = names.map(async (name) => stat(join(folder, name)).then(({ mtimeMs }) => mtimeMs, () => 0)) // prettier-ignore
  return Math.max(0, ...(await Promise.all(times)))
}

function startOptions(): Check {
  const option = unsafeStartOption(process)
  return option === undefined
    ? ok('Start options', 'none of Node shows secrets')
    : fail('Start options', `a server does not start with ${option}, which would show secrets`, `start it without ${option}`) // prettier-ignore
}
