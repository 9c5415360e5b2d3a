import type { AuditDevice, AuditDeviceSpec } from '../contract/audit.ts'
import { refuse } from '../contract/fault.ts'
import type { Log } from '../util/log.ts'
import { DeviceLog } from './device-log.ts'
import type { DeviceLogHost } from './device-log.ts'
import { DeviceOptions, commonOptions } from './devices/options.ts'

/** Creates a device of a type from its options, without opening it. @throws Fault on unusable options */
export type DeviceMaker = (options: DeviceOptions, log: Log) => AuditDevice

/** The audit devices in use, by path. */
export class DeviceSet implements Iterable<DeviceLog> {
  readonly #types: Readonly<Record<string, DeviceMaker>>
  readonly #host: DeviceLogHost
  readonly #devices = new Map<string, DeviceLog>()
  /** Paths of the devices of the configuration. */
  readonly #declared = new Set<string>()
  /** Since the last seal, devices enabled through the API are closed. */
  isSealed = false

  constructor(types: Readonly<Record<string, DeviceMaker>>, host: DeviceLogHost) {
    this.#types = types
    this.#host = host
  }

  get size(): number {
    return this.#devices.size
  }

  [Symbol.iterator](): Iterator<DeviceLog> {
    return this.#devices.values()
  }

  get(path: string): DeviceLog | undefined {
    return this.#devices.get(path)
  }

  /** @throws Fault if there is no device at the path */
  at(path: string): DeviceLog {
    const device = this.#devices.get(path)
    if (!device) throw refuse(`unknown audit backend ${JSON.stringify(path)}`)
    return device
  }

  specs(): AuditDeviceSpec[] {
    const specs = [...this].map(({ spec }) => spec)
    return specs.sort((a, b) => (a.path < b.path ? -1 : 1))
  }

  /** Creates the log of a new device, without opening it. @throws Fault on an unusable spec */
  make(spec: AuditDeviceSpec, declared = false): DeviceLog {
    const maker = Object.hasOwn(this.#types, spec.type) ? this.#types[spec.type] : undefined
    if (!maker) throw refuse(`unknown backend type: ${JSON.stringify(spec.type)}`)
    const options = new DeviceOptions(spec.options, declared)
    const common = commonOptions(options)
    const device = maker(options, this.#host.log)
    options.done()
    if (device.target !== undefined && [...this].some(({ target }) => target === device.target))
      throw refuse('another audit device writes to that target already; give each device its own file')
    return new DeviceLog(spec, device, common, this.#host)
  }

  /** @throws Fault when a device has this path, or one above or below it */
  refuseTaken(path: string): void {
    if ([...this.#devices.keys()].some((taken) => taken.startsWith(path) || path.startsWith(taken)))
      throw refuse('path already in use')
  }

  add(device: DeviceLog): void {
    this.#devices.set(device.spec.path, device)
  }

  declare(device: DeviceLog): void {
    this.add(device)
    this.#declared.add(device.spec.path)
  }

  isDeclared(path: string): boolean {
    return this.#declared.has(path)
  }

  /** Writes the queued lines, and closes the device, if it exists. */
  async drop(path: string): Promise<void> {
    const device = this.#devices.get(path)
    this.#devices.delete(path)
    await device?.close()
  }

  /** At seal: devices enabled through the API are closed; declared ones continue, under a salt from `salt`. */
  async keepDeclared(salt: () => Uint8Array): Promise<void> {
    for (const [path, device] of this.#devices) {
      if (this.#declared.has(path)) device.useBootSalt(salt())
      else await this.drop(path)
    }
  }

  async closeAll(): Promise<void> {
    for (const path of this.#devices.keys()) await this.drop(path)
  }
}
