import type { Engine } from '../../contract/engine.ts'
import { refuse } from '../../contract/fault.ts'
import type { MountRecord } from '../../contract/mount.ts'

/** The engines of this build, by type and version. */
export class EngineTypes {
  readonly #engines: readonly Engine[]

  constructor(engines: readonly Engine[]) {
    this.#engines = engines
  }

  /** The versions of an engine type, the default first; undefined for a type without versions. */
  versions(type: string): readonly string[] | undefined {
    const versions = this.#engines.filter((engine) => engine.type === type).map(({ version }) => version)
    const named = versions.filter((version) => version !== undefined)
    return named.length > 0 ? named : undefined
  }

  /** Whether failed logins lock users of a type of login method out. */
  locksOut(type: string): boolean {
    return this.#engines.some((engine) => engine.kind === 'auth' && engine.type === type && engine.locksOut)
  }

  /**
   * The engine of a mount, of the version in its options.
   * @param mounted the mounts of the namespace: a message offers no type that every namespace has already
   * @throws Fault invalid_request if there is none
   */
  engineOf(record: Pick<MountRecord, 'type' | 'kind' | 'options'>, mounted: readonly MountRecord[]): Engine {
    const offered = this.#engines.filter(({ type, kind }) => type === record.type && kind === record.kind)
    const version = record.options?.['version'] ?? offered[0]?.version
    const engine = offered.find((one) => one.version === version)
    if (engine) return engine
    const builtin = new Set(mounted.flatMap((mount) => (mount.builtin ? [mount.type] : [])))
    const types = new Set(this.#engines.filter(({ kind }) => kind === record.kind).map(({ type }) => type))
    const available = [...types].filter((type) => !builtin.has(type)).join(', ')
    const what = record.kind === 'auth' ? 'auth method' : 'secrets engine'
    const choice = available === '' ? 'this server has none that can be enabled' : `this server has: ${available}`
    throw refuse(`there is no ${what} of type "${record.type}"; ${choice}`)
  }
}
