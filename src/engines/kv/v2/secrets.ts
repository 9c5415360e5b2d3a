import type { EngineHost } from '../../../contract/engine.ts'
import { Fault } from '../../../contract/fault.ts'
import type { Transaction, View } from '../../../contract/view.ts'
import type { Clock } from '../../../util/clock.ts'
import type { Json } from '../../../util/json.ts'
import { configName, recordName, valueName } from './record-names.ts'
import { isLive, mostDropped, newSecret, plainSettings, rulesFor, withVersion } from './record.ts'
import type { SecretRecord, Settings, Version } from './record.ts'
import { valuesShape } from '../names.ts'
import { secretShape, settingsShape } from './record.ts'

/** The secrets of one mount. */
export class Secrets {
  readonly view: View
  readonly clock: Clock
  readonly #newId: () => string

  constructor({ view, clock }: Pick<EngineHost, 'view' | 'clock'>, newId: () => string) {
    this.view = view
    this.clock = clock
    this.#newId = newId
  }

  /** The mount's settings. */
  async settings(tx: Pick<Transaction, 'get'> = this.view): Promise<Settings> {
    return (await tx.get(configName, settingsShape)) ?? plainSettings
  }

  /** A secret's record. */
  async find(name: string | undefined): Promise<SecretRecord | undefined> {
    return name === undefined ? undefined : this.view.get(recordName(name), secretShape)
  }

  /** One version of a secret: 0 or less is the newest. @throws Fault not_found if it never existed, or no longer exists. */
  async version(name: string | undefined, wanted: number): Promise<Found> {
    const secret = await this.find(name)
    const number = wanted > 0 ? wanted : (secret?.current ?? 0)
    const version = secret?.versions[number]
    if (!secret || !version) throw new Fault('not_found', 'no such version')
    const live = isLive(version, this.clock.now())
    return { secret, number, data: live ? await this.view.get(valueName(secret, number), valuesShape) : undefined }
  }

  /**
   * Writes a new version, which `next` computes from the current secret. Returns the new secret, or the old one with
   * `written` false if there is no new version.
   * @param next - throws to refuse; may run again after a concurrent write
   */
  async write(name: string, next: (draft: Draft) => Promise<Json | undefined> | Json): Promise<WriteResult> {
    return this.view.transaction(async (tx) => {
      const now = this.clock.now()
      const settings = await this.settings(tx)
      const old = await tx.get(recordName(name), secretShape)
      const data = await next({ old, settings, values: (number) => this.#values(tx, old, number) })
      if (!data) return { written: false, secret: old }
      const base = old ?? newSecret(this.#newId(), now)
      const { secret, dropped } = withVersion(base, now, rulesFor(settings, base.settings))
      tx.put(valueName(secret, secret.current), data)
      tx.put(recordName(name), secret)
      for (const number of dropped) tx.del(valueName(secret, number))
      return { written: true, secret }
    })
  }

  /** Changes a secret's record, undefined if it does not exist. Without a returned record, nothing is changed. */
  async change(
    name: string,
    work: (secret: SecretRecord | undefined, settings: Settings) => SecretRecord | undefined,
  ): Promise<void> {
    await this.view.transaction(async (tx) => {
      const changed = work(await tx.get(recordName(name), secretShape), await this.settings(tx))
      if (changed) tx.put(recordName(name), changed)
    })
  }

  /** An id for a secret. */
  newId(): string {
    return this.#newId()
  }

  /** A record for a secret that has none yet. */
  fresh(): SecretRecord {
    return newSecret(this.#newId(), this.clock.now())
  }

  /** Changes the existing versions of a list. `work` returns the new version, or undefined for no change. */
  async changeVersions(name: string, numbers: readonly number[], work: ChangeVersion): Promise<void> {
    const named = [...new Set(numbers)]
    for (let from = 0; from < named.length; from += mostDropped)
      if (!(await this.#changeSome(name, named.slice(from, from + mostDropped), work))) return
  }

  /** Removes a secret with all its versions, in pieces if they are many: the oldest go first. Absent is fine. */
  async forget(name: string): Promise<void> {
    while (await this.view.transaction(async (tx) => this.#forgetSome(tx, name)));
  }

  /** Removes the oldest versions in pieces, until one commit can remove the rest. */
  async thin(name: string): Promise<void> {
    const isLong = async (): Promise<boolean> =>
      Object.keys((await this.find(name))?.versions ?? {}).length > mostDropped
    while (await isLong()) await this.view.transaction(async (tx) => this.#forgetSome(tx, name))
  }

  /** @returns whether there is more to do */
  async #forgetSome(tx: Transaction, name: string): Promise<boolean> {
    const secret = await tx.get(recordName(name), secretShape)
    if (!secret) return false
    const versions = Object.entries(secret.versions)
    const left = versions.slice(mostDropped)
    for (const [number] of versions.slice(0, mostDropped)) tx.del(valueName(secret, Number(number)))
    if (left.length === 0) tx.del(recordName(name))
    else tx.put(recordName(name), { ...secret, oldest: Number(left[0]?.[0]), versions: Object.fromEntries(left) })
    return left.length > 0
  }

  /** @returns false if the secret does not exist */
  async #changeSome(name: string, numbers: readonly number[], work: ChangeVersion): Promise<boolean> {
    return this.view.transaction(async (tx) => {
      const secret = await tx.get(recordName(name), secretShape)
      if (!secret) return false
      const { deleteAfter } = rulesFor(await this.settings(tx), secret.settings)
      const versions: Record<string, Version> = { ...secret.versions }
      for (const number of numbers) {
        const changed = versions[number] && work(versions[number], deleteAfter)
        if (!changed) continue
        versions[number] = changed
        if (changed.destroyed) tx.del(valueName(secret, number))
      }
      tx.put(recordName(name), { ...secret, versions })
      return true
    })
  }

  async #values(tx: Transaction, old: SecretRecord | undefined, number: number): Promise<Json | undefined> {
    const version = old?.versions[number]
    return old && version && isLive(version, this.clock.now()) ? tx.get(valueName(old, number), valuesShape) : undefined
  }
}

/** Returns the changed version, or undefined for no change. */
type ChangeVersion = (version: Version, deleteAfter: number) => Version | undefined

/** A version that was found; `data` undefined: deleted or destroyed. */
interface Found {
  readonly secret: SecretRecord
  readonly number: number
  readonly data: Json | undefined
}

/** The parts of a new version. */
interface Draft {
  readonly old: SecretRecord | undefined
  readonly settings: Settings
  /** The values of a version, unless deleted or destroyed. */
  readonly values: (number: number) => Promise<Json | undefined>
}

/** The outcome of a write. */
type WriteResult =
  | { readonly written: true; readonly secret: SecretRecord }
  | { readonly written: false; readonly secret: SecretRecord | undefined }
