import { hostname } from 'node:os'
import type { AuditDevice } from '../../contract/audit.ts'
import { refuse } from '../../contract/fault.ts'
import type { DeviceOptions } from './options.ts'
import { carrierTo, limitOf, RemoteDevice, transports } from './remote.ts'
import type { Transport } from './remote.ts'

/** RFC 5424 §6.2.1, table 1, by their usual names. */
const facilities = [
  'KERN', 'USER', 'MAIL', 'DAEMON', 'AUTH', 'SYSLOG', 'LPR', 'NEWS', 'UUCP', 'CRON', 'AUTHPRIV', 'FTP',
  'NTP', 'AUDIT', 'ALERT', 'CLOCK', 'LOCAL0', 'LOCAL1', 'LOCAL2', 'LOCAL3', 'LOCAL4', 'LOCAL5', 'LOCAL6', 'LOCAL7',
] as const // prettier-ignore
const informational = 6
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/**
 * `type = "syslog"`: RFC 5424 over TCP or TLS (octet counting, RFC 6587 and 5425) and UDP (RFC 5426), RFC 3164 over a
 * local unix stream; `rfc` chooses the other one. `facility` and `tag` as Vault has them.
 */
export function syslogDevice(options: DeviceOptions): AuditDevice {
  const priority = facilities.indexOf(options.oneOf('facility', facilities) ?? 'AUTH') * 8 + informational
  const tag = options.text('tag') ?? 'vault'
  if (!/^[A-Za-z0-9_./-]{1,32}$/.test(tag)) throw refuse('the tag is 1 to 32 letters, digits, "_", ".", "/" or "-"')
  const address = options.text('address') ?? '/dev/log'
  const transport = options.oneOf('socket_type', transports) ?? (address.startsWith('/') ? 'unix' : 'udp')
  const style = options.oneOf('rfc', ['5424', '3164']) ?? (transport === 'unix' ? '3164' : '5424')
  const write = style === '5424' ? modern : legacy
  return new RemoteDevice({
    type: 'syslog',
    // Two tags at one receiver are two logs.
    target: undefined,
    limit: limitOf(options),
    carrier: carrierTo(transport, address, options),
    frame: (line) => framed(transport, write(line, priority, tag)),
  })
}

/** RFC 5424: the time of the line, with the precision that the RFC allows. */
function modern(line: string, priority: number, tag: string): string {
  const time = timeOf(line)?.replace(/(\.\d{6})\d*Z$/, '$1Z') ?? '-'
  return `<${priority}>1 ${time} ${hostname() || '-'} ${tag} ${process.pid} audit - ${line}`
}

/** RFC 3164 as local daemons accept it: without the host name. */
function legacy(line: string, priority: number, tag: string): string {
  const at = /^\d{4}-(\d\d)-(\d\d)T(\d\d:\d\d:\d\d)/.exec(timeOf(line) ?? '')
  const time = at ? `${months[Number(at[1]) - 1]} ${String(Number(at[2])).padStart(2)} ${at[3]} ` : ''
  return `<${priority}>${time}${tag}[${process.pid}]: ${line}`
}

function timeOf(line: string): string | undefined {
  return /^\{"time":"([0-9T:.Z-]+)"/.exec(line)?.[1]
}

function framed(transport: Transport, message: string): Buffer {
  if (transport === 'udp') return Buffer.from(message)
  if (transport === 'unix') return Buffer.from(`${message}\n`)
  return Buffer.from(`${Buffer.byteLength(message)} ${message}`)
}
