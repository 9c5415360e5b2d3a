import type { DeviceMaker } from './audit/broker.ts'
import { fileDevice } from './audit/file.ts'
import { httpDevice } from './audit/http.ts'
import { socketDevice } from './audit/socket.ts'
import { syslogDevice } from './audit/syslog.ts'

/** Every kind of audit device: one line each. */
export const auditDevices: Readonly<Record<string, DeviceMaker>> = {
  file: fileDevice,
  socket: socketDevice,
  syslog: syslogDevice,
  http: httpDevice,
}
