import { dirname } from 'node:path'
import type { Check } from '../../cli/framework/command.ts'
import { readConfig } from '../../config/load.ts'
import type { ConfigReading } from '../../config/load.ts'
import type { Config } from '../../config/types.ts'
import { faultText } from '../../util/hcl/fault.ts'
import { systemClock } from '../../util/clock.ts'
import type { Clock } from '../../util/clock.ts'
import { auditFiles, checkAudit } from './audit.ts'
import { checkDisks, checkPermissions } from './files.ts'
import { checkListeners } from './listeners.ts'
import { checkMachine, thisMachine } from './machine.ts'
import { fail, group, ok, reason, skipped } from './result.ts'
import { checkSeals } from './seals.ts'
import { checkStorage } from './storage.ts'

/** The checks that can be left out, by OpenBao's names. */
export const skippable = ['listener', 'storage', 'autounseal'] as const

/**
 * Checks what a start of the server would need: nothing is created or changed, but that the storage is opened and closed, as a
 * start does.
 * @param skip names of `skippable`
 */
export async function diagnose(
  paths: readonly string[],
  skip: readonly string[] = [],
  clock: Clock = systemClock,
): Promise<Check> {
  const reading = await readConfig(paths)
  const { config, faults, files } = reading
  if (!config)
    return group('strongroom', [
      group(
        'Configuration',
        faults.map((fault) => fail(faultText(fault))),
      ),
    ])
  return group('strongroom', [ok('Configuration', files.join(', ')), ...(await checks(reading, config, skip, clock))])
}

async function checks(
  reading: ConfigReading,
  config: Config,
  skip: readonly string[],
  clock: Clock,
): Promise<readonly Check[]> {
  const audits = auditFiles(config)
  const folders = [...(config.storage.type === 'level' ? [config.storage.path] : []), ...audits.map(dirname)]
  const { check, isRunning, record } = skip.includes('storage')
    ? { check: skipped('Storage'), isRunning: false, record: undefined }
    : await checkStorage(config, clock)
  return [
    await done('Machine', async () => checkMachine(await thisMachine(clock.now()), folders)),
    await done('Permissions', async () => checkPermissions(reading, config)),
    await done('Free space', async () => checkDisks(config, audits)),
    check,
    skip.includes('autounseal') ? skipped('Seals') : await done('Seals', async () => checkSeals(config, record, clock)),
    await done('Audit', async () => checkAudit(config)),
    skip.includes('listener')
      ? skipped('Listeners')
      : await done('Listeners', async () => checkListeners(config, clock.now(), isRunning)),
    ok('Metrics', metrics(config)),
  ]
}

/** What one check cannot do does not keep the others from being done. */
const done = async (name: string, check: () => Promise<Check>): Promise<Check> =>
  check().catch((thrown: unknown) => fail(name, reason(thrown)))

const metrics = ({ listeners }: Config): string =>
  listeners.some(({ openMetrics }) => openMetrics)
    ? 'sys/metrics needs no token (unauthenticated_metrics_access)'
    : 'sys/metrics needs a token with read'
