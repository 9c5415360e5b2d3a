import type { View } from '../../contract/view.ts'
import type { Anchor, Heads } from './anchor.ts'
import { headsName } from './anchor.ts'
import type { DeviceLog } from '../device-log.ts'
import type { Head } from './state.ts'

/** The heads of the logs: as they are, as the storage has them, and as they ride in the commits of others. */
export class Anchors {
  readonly #view: View
  readonly #devices = new Map<string, DeviceLog>()
  /** The stored anchors, as this process last read or wrote them. */
  #stored: Heads
  #base: Heads
  #current: { readonly version: string; readonly heads: ReadonlyMap<string, unknown> } = {
    version: '-',
    heads: new Map(),
  }

  /** @param heads of devices that are not active (disabled ones), and the epoch. */
  constructor(view: View, heads: Heads) {
    this.#view = view
    this.#base = heads
    this.#stored = heads
  }

  get epoch(): number {
    return this.#base.epoch
  }

  /** The head of this log is stored from now on. */
  keep(device: DeviceLog): void {
    this.#devices.set(device.spec.path, device)
  }

  /** Stops: its last head stays stored. */
  retire(device: DeviceLog): void {
    const { path } = device.spec
    this.#devices.delete(path)
    const anchor = { ...anchorOf(device), active: false }
    this.#base = { ...this.#base, devices: { ...this.#base.devices, [path]: anchor } }
  }

  /**
   * The current heads, by their name in the audit folder, for every commit. The same object as long as they are unchanged.
   * Roots are left out and added by the timer: the last leaf contains the hash of the one before it, and so of all.
   */
  headsToCommit(): ReadonlyMap<string, unknown> {
    let version = ''
    for (const { state } of this.#devices.values()) version += state?.version ?? ''
    if (version !== this.#current.version)
      this.#current = { version, heads: new Map([[headsName, this.#heads(false)]]) }
    return this.#current.heads
  }

  /** The heads as they are to be stored now. */
  present(): Heads {
    return this.#heads()
  }

  /** Commits the heads unless the storage has them. */
  async store(): Promise<void> {
    const heads = this.#heads()
    if (!this.#isChanged(heads)) return
    await this.#view.put(headsName, heads)
    this.#stored = heads
  }

  /** Whether the storage has this head of a device's log, or a later one. */
  has(path: string, { log, size }: Head): boolean {
    const anchor = this.#stored.devices[path]
    return anchor?.log === log && anchor.size >= size
  }

  #heads(roots = true): Heads {
    const anchors = [...this.#devices].map(([path, device]) => [path, anchorOf(device, roots)] as const)
    return { ...this.#base, devices: { ...this.#base.devices, ...Object.fromEntries(anchors) } }
  }

  #isChanged({ devices, epoch }: Heads): boolean {
    const old = this.#stored.devices
    return (
      epoch !== this.#stored.epoch ||
      Object.entries(devices).some(([path, { log, size, file, active, signed, synced }]) => {
        const anchor = old[path]
        return (
          !anchor ||
          anchor.log !== log ||
          anchor.size !== size ||
          anchor.file !== file ||
          anchor.active !== active ||
          anchor.signed !== signed ||
          anchor.synced.size !== synced.size
        )
      })
    )
  }
}

/** The current end of a device's log. @throws if the device was not opened */
export function headOf({ state }: DeviceLog, root = true): Head {
  if (!state) throw new Error('the audit device is not open')
  return state.head(root)
}

function anchorOf(device: DeviceLog, root = true): Anchor {
  const signed = device.state?.signed ?? 0
  return {
    ...headOf(device, root),
    target: device.files?.file.path ?? '',
    active: true,
    ...(signed > 0 && { signed }),
  }
}
