import type { AuditDevice } from '../../contract/audit.ts'
import { refuse } from '../../contract/fault.ts'
import type { DeviceOptions } from './options.ts'
import { carrierTo, limitOf, RemoteDevice, transports } from './remote.ts'

/** `type = "socket"`: lines as they are, over TCP, TLS, UDP (a line a datagram) or a unix stream. Options as Vault names them. */
export function socketDevice(options: DeviceOptions): AuditDevice {
  const address = options.text('address')
  const transport = options.oneOf('socket_type', transports) ?? 'tcp'
  const limit = limitOf(options)
  if (address === undefined) throw refuse('address is required')
  return new RemoteDevice({
    type: 'socket',
    target: `${transport} ${address}`,
    limit,
    carrier: carrierTo(transport, address, options),
    frame: (line) => Buffer.from(`${line}\n`),
  })
}
