import { chmod, chown, lstat, unlink } from 'node:fs/promises'
import { connect } from 'node:net'
import type { AddressInfo, Server } from 'node:net'

/** A unix socket to listen on. Its owner is given by numbers. */
export interface SocketPlace {
  readonly path: string
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
}

/** Where a server listens. */
export interface Place {
  readonly host: string
  readonly port: number
  readonly unix?: SocketPlace
  /** Its name in messages; default: the setting of the configuration. */
  readonly setting?: string
}

/** By default, only the server's user may connect. */
const usualMode = 0o600

/**
 * Listens there. @returns the address, `host:port` or the path of the socket
 * @throws Error with the address and the remedy
 */
export async function listenAt(server: Server, place: Place): Promise<string> {
  const { unix } = place
  if (unix) await makeRoom(place, unix.path)
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(cannotListen(place, cause)))
    const where = unix ? { path: unix.path } : { port: place.port, host: place.host }
    server.listen({ ...where, backlog: 511 }, resolve)
  })
  if (unix) {
    await guardSocket(unix).catch((thrown: unknown) => {
      server.close()
      throw thrown
    })
    return unix.path
  }
  const { address, port, family } = server.address() as AddressInfo
  return `${family === 'IPv6' ? `[${address}]` : address}:${port}`
}

/** Removes the socket of a server that no longer runs; nothing else. */
async function makeRoom(place: Place, path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (!found) return
  if (!found.isSocket()) throw failure(place, 'a file exists there that is not a socket; move it away')
  const alive = await new Promise<boolean>((resolve) => {
    const probe = connect(path, () => {
      probe.destroy()
      resolve(true)
    })
    probe.once('error', (thrown: NodeJS.ErrnoException) => resolve(thrown.code !== 'ECONNREFUSED'))
  })
  if (alive) throw failure(place, failures['EADDRINUSE'] as string)
  await unlink(path)
}

async function guardSocket({ path, mode = usualMode, uid, gid }: SocketPlace): Promise<void> {
  try {
    if (uid !== undefined || gid !== undefined)
      await chown(path, uid ?? process.getuid?.() ?? 0, gid ?? process.getgid?.() ?? 0)
    await chmod(path, mode)
  } catch (cause) {
    throw new Error(`cannot give ${path} its owner (socket_user, socket_group): only root may, or its own group`, {
      cause,
    })
  }
}

const failures: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there already; stop it, or choose another address',
  EADDRNOTAVAIL: 'this machine does not have that address; choose one that "ip address" lists',
  EACCES:
    "the server's user may not listen on a port below 1024; choose a higher one, or give it the right: AmbientCapabilities=CAP_NET_BIND_SERVICE of systemd",
  ENOTFOUND: 'no address is known for that name; write an IP address',
}

/** libuv also reports EACCES if the folder is missing. */
const socketFailures: Readonly<Record<string, string>> = {
  EACCES: 'its folder does not exist, or this user may not write in it; create it, or give that user the right to',
}

function cannotListen(place: Place, cause: Error & { readonly code?: string }): Error {
  const messages = place.unix ? { ...failures, ...socketFailures } : failures
  return failure(place, messages[cause.code ?? ''] ?? cause.message, cause)
}

/** Names the place, the setting and the cure. */
function failure({ host, port, unix, setting }: Place, why: string, cause?: unknown): Error {
  const at = unix?.path ?? `${host.includes(':') ? `[${host}]` : host}:${port}`
  const named = setting ?? `address of listener "${unix ? 'unix' : 'tcp'}"`
  return new Error(`cannot listen on ${at} (${named}): ${why}`, { cause })
}
