import { open } from 'node:fs/promises'
import { existsSync, statSync } from 'node:fs'
import type { DeviceLog } from '../device-log.ts'
import { syncFolder } from '../devices/open-file.ts'
import { checkpointFileOf } from './checkpoint-file.ts'

/**
 * Adds a checkpoint of `size` lines to the checkpoints of a closed file or, unless one is named, of the live file. It is on
 * disk when this resolves, and the storage hears of it with its next commit.
 */
export async function publish({ files }: DeviceLog, note: string, size: number, beside?: string): Promise<void> {
  if (!files) return
  const { path } = files.file
  const target = checkpointFileOf(beside ?? path)
  const isNew = !existsSync(target)
  // A reader of the log may read its checkpoints.
  const file = await open(target, 'a', statSync(path).mode & 0o777)
  try {
    await file.appendFile(`${note}\n`)
    await file.datasync()
  } finally {
    await file.close()
  }
  if (isNew) syncFolder(target)
  const { state } = files
  state.signed = Math.max(state.signed, size)
}
