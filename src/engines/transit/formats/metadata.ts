import { rfc3339 } from '../../../util/clock.ts'
import { lastUse } from '../../../keys/metadata.ts'
import type { KeyRecord } from '../../../keys/record.ts'
import type { Used } from '../../../keys/usage.ts'

/** The response of `GET keys/:name/metadata`. Names as on the wire; times are RFC 3339, '' means never. */
export function metadataOf(key: KeyRecord, used: ReadonlyMap<number, Used>): Readonly<Record<string, unknown>> {
  const { state } = key
  const deleted = state.is === 'soft-deleted' ? state : undefined
  return {
    name: key.name,
    uuid: key.uuid,
    aliases: key.aliases,
    type: key.type,
    uses: key.uses,
    state: state.is,
    deletion_time: time(deleted?.deletedAt),
    purge_time: time(deleted?.purgeAt),
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

function time(at: number | null | undefined): string {
  return at ? rfc3339(at) : ''
}
