import type { DeviceMaker } from '../audit/device-set.ts'
import { fileDevice } from '../audit/devices/file.ts'
import { httpDevice } from '../audit/devices/http.ts'
import { socketDevice } from '../audit/devices/socket.ts'
import { syslogDevice } from '../audit/devices/syslog.ts'

/** Every kind of audit device: one line each. */
export const auditDevices: Readonly<Record<string, DeviceMaker>> = {
  file: fileDevice,
  socket: socketDevice,
  syslog: syslogDevice,
  http: httpDevice,
}
