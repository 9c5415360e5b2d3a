import { refuse } from '../../contract/fault.ts'
import { keyType } from '../../crypto/keys/key-types.ts'
import type { KeyUse } from '../../crypto/keys/key-types.ts'
import { rfc3339 } from '../../util/clock.ts'
import type { KeyRecord } from './record.ts'
import type { Used } from './usage.ts'

type Texts = Readonly<Record<string, string>>

/** How many there may be, and how long their names and values are, in bytes. Tags are as small as clouds have them. */
const bounds = {
  tags: { most: 50, name: 128, value: 256 },
  custom_metadata: { most: 64, name: 128, value: 512 },
} as const
const unprintable = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u

/** What is to be known of a key besides what Vault shows; each member that is given replaces all there was. */
export interface MetadataChange {
  readonly uses: readonly string[] | undefined
  readonly tags: Texts | undefined
  readonly custom_metadata: Texts | undefined
}

/** The key with other facts. @throws Fault invalid_request for what it cannot have. */
export function withMetadata(key: KeyRecord, wish: MetadataChange): KeyRecord {
  return {
    ...key,
    uses: wish.uses === undefined ? key.uses : usesOf(key, wish.uses),
    tags: wish.tags === undefined ? key.tags : checked('tags', wish.tags),
    metadata: wish.custom_metadata === undefined ? key.metadata : checked('custom_metadata', wish.custom_metadata),
  }
}

function usesOf({ type }: KeyRecord, wanted: readonly string[]): readonly KeyUse[] {
  const { uses } = keyType(type)
  const unknown = wanted.find((use) => !uses.some((known) => known === use))
  if (unknown !== undefined) {
    throw refuse(`keys of type ${type} cannot be used to ${unknown}: their uses are ${uses.join(', ')}`)
  }
  if (wanted.length === 0) throw refuse('a key needs at least one use: disable it if it is to have none')
  return uses.filter((use) => wanted.includes(use))
}

function checked(what: keyof typeof bounds, texts: Texts): Texts {
  const { most, name: longestName, value: longestValue } = bounds[what]
  const entries = Object.entries(texts)
  if (entries.length > most) throw refuse(`${what} has ${entries.length} names; at most ${most} are kept`)
  for (const [name, value] of entries) {
    if (name === '' || Buffer.byteLength(name) > longestName || unprintable.test(name)) {
      throw refuse(`${what} has a name that is empty, longer than ${longestName} bytes, or cannot be printed`)
    }
    if (Buffer.byteLength(value) > longestValue || unprintable.test(value)) {
      throw refuse(`${what} has a value that is longer than ${longestValue} bytes, or cannot be printed`)
    }
  }
  return texts
}

/** What `GET keys/:name/metadata` shows. Names as on the wire; times are RFC 3339, '' for never. */
export function metadataOf(key: KeyRecord, used: ReadonlyMap<number, Used>): Readonly<Record<string, unknown>> {
  const { state } = key
  const gone = state.is === 'soft-deleted' ? state : undefined
  return {
    name: key.name,
    uuid: key.uuid,
    aliases: key.aliases,
    type: key.type,
    uses: key.uses,
    state: state.is,
    deletion_time: time(gone?.deletedAt),
    purge_time: time(gone?.purgeAt),
    origin: key.origin,
    creation_time: time(key.createdAt),
    last_use_time: time(lastUse(used)),
    tags: key.tags,
    custom_metadata: key.metadata,
    versions: Object.fromEntries(
      Object.entries(key.versions).map(([number, { id, createdAt, origin }]) => {
        const { encryptions, lastUsedAt } = used.get(Number(number)) ?? { encryptions: undefined, lastUsedAt: 0 }
        const counted = encryptions === undefined ? {} : { encryptions }
        return [number, { id, creation_time: time(createdAt), last_use_time: time(lastUsedAt), origin, ...counted }]
      }),
    ),
  }
}

/** When any version was used last, epoch milliseconds; 0: never. */
export function lastUse(used: ReadonlyMap<number, Used>): number {
  return Math.max(0, ...[...used.values()].map(({ lastUsedAt }) => lastUsedAt))
}

function time(at: number | null | undefined): string {
  return at ? rfc3339(at) : ''
}
