import type { MountRecord, MountSpec } from '../../contract/mount.ts'
import type { TtlBounds } from './mount-config.ts'

/** Which of the two tables of mounts. */
export type Kind = MountRecord['kind']

/** The mount table, for these routes. Paths are API paths: `X/` or `auth/X/`. */
export interface MountPort {
  list(kind: Kind): readonly MountRecord[]
  /** The mount at exactly this path. */
  at(apiPath: string): MountRecord | undefined
  limits(record: MountRecord): { readonly defaultTtl: number; readonly maxTtl: number }
  readonly ttl: TtlBounds
  /** Versions an engine type offers (KV: 1 and 2); undefined when it has none. */
  versions(type: string): readonly string[] | undefined
  /** Whether failed logins lock users of a type of login method out. */
  locksOut(type: string): boolean
  enable(spec: MountSpec): Promise<void>
  disable(apiPath: string): Promise<void>
  tune(apiPath: string, change: Partial<Pick<MountRecord, 'description' | 'options' | 'config'>>): Promise<void>
}
