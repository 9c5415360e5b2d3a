import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Log } from '../../util/log.ts'

/** systemd's own program: Node has no datagram sockets of the Unix kind, which the protocol needs. */
const program = '/usr/bin/systemd-notify'

/**
 * Tells systemd about the state of a unit with `Type=notify` and `NotifyAccess=all` (sd_notify(3)). Without `NOTIFY_SOCKET`, which
 * systemd sets for such a unit, nothing happens. A failure is logged: the server goes on.
 */
export async function notifySystemd(state: 'READY=1' | 'STOPPING=1', log: Log): Promise<void> {
  const socket = process.env['NOTIFY_SOCKET']
  if (socket === undefined || socket === '') return
  await promisify(execFile)(program, [state], { env: { NOTIFY_SOCKET: socket }, timeout: 10_000 }).catch(() =>
    log.warn(`systemd could not be told ${state}: ${program} failed; without it, write Type=exec into the unit`),
  )
}
