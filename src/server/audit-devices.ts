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
 * Checks the targets of new devices. A file in the folder of the storage, whose own files it could mistake for its log, is
 * refused.
 * Existing devices stay: without them the server could not be unsealed.
 */
export function targetsBeside(storage: Config['storage']): (target: string | undefined) => void {
  if (storage.type !== 'level') return () => {}
  const folder = resolved(storage.path)
  return (target = '') => {
    if (target.startsWith('/') && `${resolved(dirname(target))}/`.startsWith(`${folder}/`))
      throw refuse('file_path is in the folder of the storage: the audit log needs its own folder')
  }
}

/** A folder with all existing links resolved. */
function resolved(folder: string): string {
  return existsSync(folder) ? realpathSync(folder) : resolve(folder)
}
