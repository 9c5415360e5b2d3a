import { X509Certificate } from 'node:crypto'
import { access, constants, lstat } from 'node:fs/promises'
import { connect, createServer, isIP } from 'node:net'
import { dirname } from 'node:path'
import type { Check } from '../../cli/framework/command.ts'
import type { Config, ListenerConfig } from '../../config/types.ts'
import { isLoopback } from '../../util/cidr.ts'
import { addressOf, httpOptions } from '../listeners.ts'
import { fail, group, ok, reason, warn } from './result.ts'

const day = 86_400_000
const notice = 30 * day

/** Ports and certificates. @param isRunning whether a server uses the storage, so that its ports are taken */
export async function checkListeners(config: Config, now: number, isRunning: boolean): Promise<Check> {
  const listeners = config.listeners.map(async (listener) => {
    const name = addressOf(listener, listener.unix?.path ?? `${listener.host}:${listener.port}`)
    return group(name, [await place(listener, isRunning), ...(await encryption(listener, config.apiAddr, now))])
  })
  return group('Listeners', await Promise.all(listeners))
}

async function place({ unix, host, port }: ListenerConfig, isRunning: boolean): Promise<Check> {
  if (unix) return socketPlace(unix.path, isRunning)
  const code = await listenOnce(host, port)
  if (code === undefined) return ok('Port', 'free')
  if (code === 'EADDRINUSE' && isRunning) return ok('Port', 'taken; a server runs on this storage')
  return fail('Port', ports[code]?.[0] ?? `it cannot be used (${code})`, ports[code]?.[1]?.replace('PORT', `${port}`))
}

const ports: Readonly<Record<string, readonly [string, string]>> = {
  EADDRINUSE: ['another program listens on it', "see which one: ss -ltnp 'sport = :PORT'"],
  EADDRNOTAVAIL: ['this machine does not have the address', 'see which it has: ip address'],
  EACCES: ['this user may not use it', 'use a port above 1023, or set AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit'], // prettier-ignore
  ENOTFOUND: ['the host name cannot be resolved', 'write an IP address'],
}

/** The error of listening; undefined if it works. */
async function listenOnce(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code ?? 'unknown'))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}

async function socketPlace(path: string, isRunning: boolean): Promise<Check> {
  const folder = dirname(path)
  const isUsable = await access(folder, constants.W_OK | constants.X_OK).then(() => true, () => false) // prettier-ignore
  if (!isUsable) return fail('Socket', `${folder} is not there, or this user may not write there`, `ls -ld ${folder}`)
  const there = await lstat(path).catch(() => undefined)
  if (!there) return ok('Socket', 'free')
  if (!there.isSocket()) return fail('Socket', 'another file has this name', `ls -l ${path}`)
  if (!(await answers(path))) return ok('Socket', 'left by a server that was killed; it will be replaced')
  return isRunning ? ok('Socket', 'taken; a server runs on this storage') : fail('Socket', 'another program listens on it', `ss -lxp src ${path}`) // prettier-ignore
}

async function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

async function encryption(listener: ListenerConfig, apiAddress = '', now: number): Promise<readonly Check[]> {
  if (listener.unix) return []
  if (!listener.tls)
    return [isLoopback(listener.host) ? ok('TLS', 'off, on this machine only') : warn('TLS', 'off: whoever reads the network reads tokens and secrets', 'make sure that only something that does TLS can reach it')] // prettier-ignore
  let pem = ''
  try {
    const { tls } = await httpOptions(listener, { loaded: (_, text) => void (pem = text) })
    await tls?.()
  } catch (thrown) {
    return [fail('Certificate', reason(thrown))]
  }
  const chain = (pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map(
    (one) => new X509Certificate(one),
  )
  const [own] = chain
  if (!own) return [ok('Certificate', 'it can be used; its dates can be read by TLS only')]
  return [ok('Certificate', 'it belongs to the key'), life(chain, now), order(chain), ...names(own, apiAddress)]
}

function life(chain: readonly X509Certificate[], now: number): Check {
  const from = Math.max(...chain.map(({ validFrom }) => Date.parse(validFrom)))
  const to = Math.min(...chain.map(({ validTo }) => Date.parse(validTo)))
  const cure = 'get a new one, put it in place, and reload the server: systemctl reload strongroom'
  const date = new Date(to).toISOString()
  if (now < from) return fail('Validity', `it is not valid before ${new Date(from).toISOString()}`, 'check the clock: timedatectl status') // prettier-ignore
  if (now >= to) return fail('Validity', `it expired at ${date}`, cure)
  const left = to - now
  if (left < Math.min(notice, (to - from) / 3)) return warn('Validity', `it expires at ${date}, in ${Math.floor(left / day)} days`, cure) // prettier-ignore
  return ok('Validity', `until ${date}`)
}

/** Clients follow the chain from the first certificate on (RFC 8446 §4.4.2). */
function order(chain: readonly X509Certificate[]): Check {
  const broken = chain.findIndex((one, at) => at > 0 && chain[at - 1]?.checkIssued(one) !== true)
  if (broken > 0)
    return fail('Chain', `certificate ${broken + 1} of the file is not the issuer of the one before it`, 'put them in order: the own one, its issuer, the issuer of that') // prettier-ignore
  const last = chain.at(-1) as X509Certificate
  const isRoot = last.checkIssued(last)
  if (chain.length === 1 && isRoot) return ok('Chain', 'it is its own issuer: clients need it as VAULT_CACERT')
  const issuer = last.issuer.replaceAll('\n', ', ')
  return ok('Chain', isRoot ? `complete, up to ${issuer}` : `clients must know ${issuer}`)
}

function names(own: X509Certificate, apiAddress: string): readonly Check[] {
  const host = URL.canParse(apiAddress) ? new URL(apiAddress).hostname.replace(/^\[|\]$/g, '') : ''
  if (host === '') return []
  const fits = (isIP(host) ? own.checkIP(host) : own.checkHost(host)) !== undefined
  return [fits ? ok('Name', `it is for ${host}`) : warn('Name', `it is not for ${host}, the host of api_addr`, 'get a certificate for this name, or correct api_addr')] // prettier-ignore
}
