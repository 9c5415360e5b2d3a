import { Fault, refuse } from '../../contract/fault.ts'
import { apiPathOf } from '../../contract/mount.ts'
import type { MountRecord } from '../../contract/mount.ts'
import type { Transaction, View } from '../../contract/view.ts'
import { mountShape } from './mount-shape.ts'

/** The parts that the stored mount table of a namespace needs. */
export interface TableParts {
  /** The whole barrier. */
  readonly view: View
  /** The folder of the namespace's records: `mounts/…` and `mount/<uuid>/…` below it. */
  readonly folder: string
  /** The names of the child namespaces, each with a slash; guarded: a commit fails if one is created meanwhile. */
  readonly children: (tx: Transaction) => Promise<readonly string[]>
}

/** The stored mount table of a namespace: one record for each mount, by its uuid. */
export class MountTable {
  readonly #parts: TableParts
  /** Where its records are in the barrier. */
  readonly folder: string

  constructor(parts: TableParts) {
    this.#parts = parts
    this.folder = `${parts.folder}mounts/`
  }

  /** The uuids of all mounts. */
  async uuids(): Promise<string[]> {
    return this.#parts.view.list(this.folder)
  }

  async get(uuid: string): Promise<MountRecord | undefined> {
    return this.#parts.view.get(this.folder + uuid, mountShape)
  }

  /** Stores a mount that has no other stored version. */
  async put(record: MountRecord): Promise<void> {
    await this.#parts.view.put(this.folder + record.uuid, record)
  }

  async remove({ uuid }: MountRecord): Promise<void> {
    await this.#parts.view.del(this.folder + uuid)
  }

  /** Adds a mount. @throws Fault invalid_request if its path is taken */
  async add(record: MountRecord): Promise<void> {
    await this.#parts.view.transaction(async (tx) => {
      await this.#refuseConflict(record, tx)
      tx.put(this.folder + record.uuid, record)
    })
  }

  /**
   * Changes a mount that is not being removed.
   * @throws Fault not_found; invalid_request if its new path is taken
   */
  async change({ uuid, path }: MountRecord, next: (current: MountRecord) => MountRecord): Promise<void> {
    await this.#parts.view.transaction(async (tx) => {
      const current = await tx.get(this.folder + uuid, mountShape)
      if (!current || current.removing) throw new Fault('not_found', `no mount at ${path}`)
      const changed = next(current)
      if (changed.path !== current.path) await this.#refuseConflict(changed, tx)
      tx.put(this.folder + uuid, changed)
    })
  }

  /** The whole table, guarded: a transaction of the whole barrier fails if anything in it changes meanwhile. */
  async records(tx: Transaction): Promise<MountRecord[]> {
    tx.unchanged(this.folder)
    const names = await this.uuids()
    const records = await Promise.all(names.map(async (name) => tx.get(this.folder + name, mountShape)))
    return records.filter((record) => record !== undefined)
  }

  /** One path may be neither at, above nor below another, be it of a mount or of a namespace. */
  async #refuseConflict(record: MountRecord, tx: Transaction): Promise<void> {
    const path = apiPathOf(record)
    const others = (await this.records(tx)).filter(({ uuid }) => uuid !== record.uuid)
    const mount = others.find((other) => overlap(apiPathOf(other), path))
    if (mount) throw refuse(`path is already in use at ${mount.path}`)
    const namespace = (await this.#parts.children(tx)).find((name) => overlap(name, path))
    if (namespace !== undefined) throw refuse(`path is already in use by the namespace ${namespace}`)
  }
}

/** Whether one of two paths is inside the other. */
export function overlap(a: string, b: string): boolean {
  return a.startsWith(b) || b.startsWith(a)
}
