import { textOf } from './files.ts'
import { storageOf } from './settings.ts'
import { ConfigError, Source, itemsOf } from './source.ts'
import type { Setter } from './source.ts'
import type { Config } from './types.ts'

/** A storage that outlives the process. */
export type DurableStorage = Exclude<Config['storage'], { readonly type: 'inmem' }>

/** The two storages of `operator migrate`. */
export interface Migration {
  readonly source: DurableStorage
  readonly destination: DurableStorage
}

type Draft = { -readonly [K in keyof Migration]?: Migration[K] }

const settings: Readonly<Record<string, Setter<Draft>>> = {
  storage_source: set('source'),
  storage_destination: set('destination'),
}

/**
 * Reads the file of `operator migrate`, which has the two blocks of Vault's: `storage_source` and `storage_destination`, each
 * written like `storage` of a server.
 * @throws ConfigError naming file and line
 */
export async function loadMigration(file: string): Promise<Migration> {
  const [source, draft]: [Source, Draft] = [new Source(file), {}]
  const items = itemsOf(source, await textOf(file))
  source.each(items, (item) => source.setting(settings, item, 'a migration')(source, item.value, draft, item))
  if (source.faults.length > 0) throw new ConfigError(source.faults)
  const { source: from, destination } = draft
  if (!from || !destination)
    throw new ConfigError(
      `${file}: a migration needs two blocks: storage_source "level" { path = "/old" } and storage_destination "level" { path = "/new" }`,
    )
  return { source: from, destination }
}

function set(end: keyof Migration): Setter<Draft> {
  return (source, value, draft, item) => {
    if (draft[end]) throw source.wrong(item.at, `${item.key} is configured twice`)
    const storage = storageOf(source, value, item)
    if (storage.type === 'inmem')
      throw source.wrong(
        item.at,
        `${item.key} "inmem": memory ends with its server; use operator snapshot save and restore`,
      )
    draft[end] = storage
  }
}
