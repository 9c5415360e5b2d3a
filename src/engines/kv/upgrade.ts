import type { EngineHost } from '../../contract/engine.ts'
import { refuse } from '../../contract/fault.ts'
import type { Fault } from '../../contract/fault.ts'
import type { View } from '../../contract/view.ts'
import { plainFolder, scanned, valuesShape } from './names.ts'
import { newSecret, withVersion } from './v2/record.ts'
import { recordName, valueName } from './v2/record-names.ts'

/** Exists since the upgrade to version 2 began: version 1 writes nothing any more. */
export const upgradeMark = 'upgraded'

/** The error of a version 1 write while the mount is upgraded. */
export function upgrading(): Fault {
  return refuse(
    'Upgrading from non-versioned to versioned data. This backend will be unavailable for a brief period and will resume service shortly.',
  )
}

/**
 * Turns every secret of version 1 into the first version of a versioned secret, each in one commit: after a crash the
 * next start of the mount continues with the rest.
 */
export async function upgrade({ view, clock }: Pick<EngineHost, 'view' | 'clock'>, newId: () => string): Promise<void> {
  if (!(await view.get(upgradeMark))) await view.put(upgradeMark, true)
  const names = (await scanned(view, plainFolder)).values()
  // Each is durable by itself; many concurrent ones share their writes to the disk.
  const worker = async (): Promise<void> => {
    for (const name of names) await upgradeOne(view, name, newId(), clock.now())
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

const atOnce = 32

async function upgradeOne(view: View, name: string, id: string, now: number): Promise<void> {
  await view.transaction(async (tx) => {
    const data = await tx.get(plainFolder + name, valuesShape)
    if (!data) return
    const secret = { ...withVersion(newSecret(id, now), now, { keep: 1, deleteAfter: 0 }).secret, oldest: 1 }
    tx.put(valueName(secret, 1), data)
    tx.put(recordName(name), secret)
    tx.del(plainFolder + name)
  })
}
