import { existsSync, realpathSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { DeviceMaker } from '../audit/device-set.ts'
import { fileDevice } from '../audit/devices/file.ts'
import { refuse } from '../contract/fault.ts'
import { httpDevice } from '../audit/devices/http.ts'
import { socketDevice } from '../audit/devices/socket.ts'
import { syslogDevice } from '../audit/devices/syslog.ts'
import type { Config } from '../config/types.ts'

/** Every kind of audit device: one line each. */
export const auditDevices: Readonly<Record<string, DeviceMaker>> = {
  file: fileDevice,
  socket: socketDevice,
  syslog: syslogDevice,
  http: httpDevice,
}

/**
 * Judges the targets of new devices. A file in the folder of the storage, whose own files it could take for its log, is none.
 * Devices that are there already stay: without them nobody could unseal.
 */
export function targetsBeside(storage: Config['storage']): (target: string | undefined) => void {
  if (storage.type !== 'level') return () => {}
  const folder = resolved(storage.path)
  return (target = '') => {
    if (target.startsWith('/') && `${resolved(dirname(target))}/`.startsWith(`${folder}/`))
      throw refuse('file_path lies in the folder of the storage: the audit log needs a folder of its own')
  }
}

/** A folder without links on its way, as far as it is there. */
function resolved(folder: string): string {
  return existsSync(folder) ? realpathSync(folder) : resolve(folder)
}
