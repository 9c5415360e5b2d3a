import { refuse } from '../contract/fault.ts'
import { keyType } from '../crypto/keys/key-types.ts'
import type { KeyUse } from '../crypto/keys/key-types.ts'
import type { KeyRecord } from './record.ts'
import type { Used } from './usage.ts'

type Texts = Readonly<Record<string, string>>

/** The most entries, and the lengths of their names and values, in bytes. Tags have the limits of cloud providers. */
const bounds = {
  tags: { most: 50, name: 128, value: 256 },
  custom_metadata: { most: 64, name: 128, value: 512 },
} as const
const unprintable = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u

/** Uses, tags and custom metadata of a key. Each defined member replaces the previous value. */
interface MetadataChange {
  readonly uses: readonly string[] | undefined
  readonly tags: Texts | undefined
  readonly metadata: Texts | undefined
}

/** The key with other metadata. @throws Fault invalid_request for uses, tags or metadata that it cannot have. */
export function withMetadata(key: KeyRecord, { uses, tags, metadata }: MetadataChange): KeyRecord {
  return {
    ...key,
    uses: uses === undefined ? key.uses : usesOf(key, uses),
    tags: tags === undefined ? key.tags : checked('tags', tags),
    metadata: metadata === undefined ? key.metadata : checked('custom_metadata', metadata),
  }
}

function usesOf({ type }: KeyRecord, wanted: readonly string[]): readonly KeyUse[] {
  const { uses } = keyType(type)
  const unknown = wanted.find((use) => !uses.some((one) => one === use))
  if (unknown !== undefined) {
    throw refuse(`keys of type ${type} cannot be used to ${unknown}: their uses are ${uses.join(', ')}`)
  }
  if (wanted.length === 0) throw refuse('a key needs at least one use: disable it if it is to have none')
  return uses.filter((use) => wanted.includes(use))
}

function checked(member: keyof typeof bounds, texts: Texts): Texts {
  const { most, name: longestName, value: longestValue } = bounds[member]
  const entries = Object.entries(texts)
  if (entries.length > most) throw refuse(`${member} has ${entries.length} names; at most ${most} are kept`)
  for (const [name, value] of entries) {
    if (name === '' || Buffer.byteLength(name) > longestName || unprintable.test(name)) {
      throw refuse(`${member} has a name that is empty, longer than ${longestName} bytes, or cannot be printed`)
    }
    if (Buffer.byteLength(value) > longestValue || unprintable.test(value)) {
      throw refuse(`${member} has a value that is longer than ${longestValue} bytes, or cannot be printed`)
    }
  }
  return texts
}

/** When any version was used last, epoch milliseconds; 0: never. */
export function lastUse(used: ReadonlyMap<number, Used>): number {
  return Math.max(0, ...[...used.values()].map(({ lastUsedAt }) => lastUsedAt))
}
