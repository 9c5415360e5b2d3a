import { statfs } from 'node:fs/promises'
import { arch, cpus, freemem, hostname, loadavg, platform, release, totalmem, uptime } from 'node:os'
import { rfc3339 } from '../../util/clock.ts'

/** Data about the machine, in Vault's sections. Sizes in bytes, times in seconds. */
export async function hostInfo(now: number, storagePath: string | undefined): Promise<Record<string, unknown>> {
  const [total, free] = [totalmem(), freemem()]
  return {
    timestamp: rfc3339(now),
    cpu: cpus().map(({ model, speed }, at) => ({ cpu: at, modelName: model, mhz: speed, cores: 1 })),
    cpu_times: cpus().map(({ times }, at) => ({
      cpu: `cpu${at}`,
      user: times.user / 1000,
      system: times.sys / 1000,
      idle: times.idle / 1000,
      nice: times.nice / 1000,
      irq: times.irq / 1000,
    })),
    disk: storagePath === undefined ? [] : [await diskOf(storagePath)],
    host: {
      hostname: hostname(),
      uptime: Math.floor(uptime()),
      bootTime: Math.floor(now / 1000 - uptime()),
      os: platform(),
      platform: platform(),
      kernelVersion: release(),
      kernelArch: arch(),
      load: loadavg(),
    },
    memory: { total, available: free, free, used: total - free, usedPercent: percent(total - free, total) },
  }
}

/** The file system of the storage. */
async function diskOf(path: string): Promise<Record<string, unknown>> {
  const { bsize, blocks, bavail, bfree, files, ffree } = await statfs(path)
  const [total, used] = [blocks * bsize, (blocks - bfree) * bsize]
  return {
    path,
    total,
    free: bavail * bsize,
    used,
    usedPercent: percent(used, total),
    inodesTotal: files,
    inodesFree: ffree,
    inodesUsed: files - ffree,
  }
}

const percent = (part: number, whole: number): number => (whole === 0 ? 0 : Math.round((part / whole) * 10_000) / 100)
