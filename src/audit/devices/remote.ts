import { posix } from 'node:path'
import type { AuditDevice, AuditTail } from '../../contract/audit.ts'
import { refuse } from '../../contract/fault.ts'
import { DatagramCarrier } from './datagrams.ts'
import type { DeviceOptions } from './options.ts'
import type { Carrier } from './stream.ts'
import { StreamCarrier } from './stream.ts'
import { tlsOptions } from './tls-options.ts'

/** How a receiver is reached. A unix socket is a stream: Node has no unix datagrams. */
export const transports = ['tcp', 'tls', 'udp', 'unix'] as const
export type Transport = (typeof transports)[number]

/** The default timeout of a write to a receiver, milliseconds; the same as in Vault's socket device. */
const usualLimit = 2000
/** The limits of the option, seconds. */
const limits = [1, 60] as const

/** `write_timeout` in milliseconds. */
export function limitOf(options: DeviceOptions): number {
  return options.duration('write_timeout', limits) ?? usualLimit
}

/** The carrier to `address`: `host:port`, or the absolute path of a unix socket. @throws Fault */
export function carrierTo(transport: Transport, address: string, options: DeviceOptions): Carrier {
  const tls = tlsOptions(options)
  if (transport === 'unix') {
    if (!posix.isAbsolute(address) || address.includes('\0'))
      throw refuse('the address of a unix socket is its absolute path')
    return new StreamCarrier({ kind: 'unix', path: address })
  }
  const place = placeOf(address)
  if (transport === 'udp') return new DatagramCarrier(place.host, place.port)
  if (transport === 'tcp') return new StreamCarrier({ kind: 'tcp', ...place })
  return new StreamCarrier({ kind: 'tls', ...place, tls })
}

function placeOf(address: string): { readonly host: string; readonly port: number } {
  const found = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})$/.exec(address)
  const port = Number(found?.[3])
  if (!found || port < 1 || port > 65_535) throw refuse('the address is host:port, for IPv6 [address]:port')
  return { host: (found[1] ?? found[2]) as string, port }
}

/** The parts of a device over a carrier. */
interface RemoteParts {
  readonly type: string
  readonly target: string | undefined
  readonly limit: number
  readonly carrier: Carrier
  /** A line, without its line feed, as it travels. */
  readonly frame: (line: string) => Buffer
}

/**
 * A device whose lines travel to a receiver. It connects at its first line, so that a server starts while its receiver
 * is away; each start begins a chain of its own.
 */
export class RemoteDevice implements AuditDevice {
  readonly type: string
  readonly target: string | undefined
  readonly alwaysSync = false
  readonly limit: number
  readonly #carrier: Carrier
  readonly #frame: RemoteParts['frame']

  constructor({ type, target, limit, carrier, frame }: RemoteParts) {
    this.type = type
    this.target = target
    this.limit = limit
    this.#carrier = carrier
    this.#frame = frame
  }

  async open(): Promise<AuditTail> {
    return {}
  }

  async write(text: string): Promise<void> {
    return this.#carrier.send(text.slice(0, -1).split('\n').map(this.#frame))
  }

  abort(): void {
    this.#carrier.drop(new Error('the write took too long'))
  }

  async sync(): Promise<void> {}

  /** The next line is sent over a new connection. */
  async reopen(): Promise<void> {
    this.#carrier.close()
  }

  async close(): Promise<void> {
    this.#carrier.close()
  }
}
