import type { View } from '../../contract/view.ts'
import type { Clock } from '../../util/clock.ts'
import { product } from '../../util/version.ts'
import { isName, isText, isTime, shapeOf } from '../../util/stored/shape.ts'

/** A release that has unsealed this storage. */
interface InstalledVersion {
  readonly version: string
  readonly buildDate: string
  /** Epoch milliseconds of its first opening. */
  readonly installedAt: number
}

const installedShape = shapeOf<InstalledVersion>('an installed version', {
  version: isName,
  buildDate: isText,
  installedAt: isTime,
})

/** Which releases have run on this storage, and since when. */
export class VersionHistory {
  readonly #view: View

  private constructor(view: View) {
    this.#view = view
  }

  /** Records the running release if it is new here. */
  static async open(view: View, clock: Clock): Promise<VersionHistory> {
    const { release: version, buildDate } = product
    await view.transaction(async (tx) => {
      if (await tx.get(version)) return
      const record: InstalledVersion = { version, buildDate, installedAt: clock.now() }
      tx.put(version, record)
    })
    return new VersionHistory(view)
  }

  /** Oldest first. */
  async list(): Promise<InstalledVersion[]> {
    const names = await this.#view.list('')
    const records = await Promise.all(names.map(async (name) => this.#view.get(name, installedShape)))
    return records.filter((record) => record !== undefined).sort((a, b) => a.installedAt - b.installedAt)
  }
}
