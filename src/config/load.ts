import { relative, resolve } from 'node:path'
import type { ConfigFault } from '../util/hcl/fault.ts'
import { topLevel } from './settings.ts'
import type { Draft } from './settings.ts'
import { filesOf, textOf } from './files.ts'
import { ConfigError, Source, itemsOf } from './source.ts'
import type { NamedFile } from './source.ts'
import { defaultTtl } from './types.ts'
import type { Config } from './types.ts'

/** What configuration files say. */
export interface ConfigReading {
  /** Undefined if something is wrong. */
  readonly config: Config | undefined
  /** Everything that is wrong. */
  readonly faults: readonly ConfigFault[]
  /** The files of the configuration. */
  readonly files: readonly string[]
  /** Files that settings name, and that were read with them. */
  readonly named: readonly NamedFile[]
}

/**
 * Reads the configuration from files and folders (their *.hcl and *.json, in order of name). Lists add up.
 * @throws ConfigError with everything that is wrong, naming file and line.
 */
export async function loadConfig(paths: readonly string[]): Promise<Config> {
  const { config, faults } = await readConfig(paths)
  if (config) return config
  throw new ConfigError(faults)
}

/** Reads the configuration, and finds everything that is wrong with it. */
export async function readConfig(paths: readonly string[]): Promise<ConfigReading> {
  const draft: Draft = {}
  const faults: ConfigFault[] = []
  const found = await Promise.all(paths.map(async (path) => collected(faults, async () => filesOf(path))))
  const files = found.flatMap((some) => some ?? [])
  const sources = files.map((file) => new Source(file))
  for (const source of sources)
    await collected(faults, async () => {
      const items = itemsOf(source, await textOf(source.file))
      source.each(items, (item) => source.setting(topLevel, item, 'the configuration')(source, item.value, draft, item))
      faults.push(...source.faults)
    })
  const failed = sources.flatMap((source) => source.failed)
  // What a file that could not be read would have set is unknown.
  if (faults.every(({ setting }) => setting !== undefined)) faults.push(...wholeFaults(draft, failed))
  const config = faults.length === 0 ? configOf(draft) : undefined
  return { config, faults, files, named: sources.flatMap(({ named }) => named) }
}

async function collected<T>(faults: ConfigFault[], step: () => Promise<T>): Promise<T | undefined> {
  return step().catch((thrown: unknown) => {
    if (!(thrown instanceof ConfigError)) throw thrown
    faults.push(...thrown.faults)
    return undefined
  })
}

/** What is wrong with all files together. @param failed settings whose own faults are told already */
function wholeFaults(draft: Draft, failed: readonly string[]): readonly ConfigFault[] {
  const { defaultLeaseTtl = 0, maxLeaseTtl = defaultTtl } = draft
  const rotations = [draft.logRotateBytes, draft.logRotateDuration, draft.logRotateMaxFiles]
  const checks: readonly { readonly of: readonly string[]; readonly isWrong: boolean; readonly message: string }[] = [
    {
      of: ['storage'],
      isWrong: !draft.storage,
      message: 'the configuration needs a storage block, such as: storage "level" { path = "/var/lib/strongroom" }',
    },
    {
      of: ['listener'],
      isWrong: !draft.listeners?.length,
      message: 'the configuration needs a listener block, such as: listener "tcp" { address = "127.0.0.1:8200" … }',
    },
    {
      of: ['initialize', 'seal'],
      isWrong: draft.initialize !== undefined && !draft.seals?.some(({ disabled }) => !disabled),
      message:
        'initialize needs a seal block: without one, the first start would have key shares, and nobody to hand them to',
    },
    {
      of: ['log_file'],
      isWrong: draft.logFile === undefined && rotations.some((setting) => setting !== undefined),
      message: 'log_rotate_bytes, log_rotate_duration and log_rotate_max_files have an effect only with log_file',
    },
    {
      of: ['default_lease_ttl', 'max_lease_ttl'],
      isWrong: defaultLeaseTtl > maxLeaseTtl,
      message: `default_lease_ttl (${defaultLeaseTtl} s) is longer than max_lease_ttl (${maxLeaseTtl} s): shorten it, or set a longer max_lease_ttl`,
    },
    {
      of: ['backup_folder', 'storage'],
      isWrong: isInStorage(draft),
      message: 'backup_folder must not be in the folder of the storage: name one on another disk, if you can',
    },
  ]
  return checks
    .filter(({ of, isWrong }) => isWrong && !of.some((name) => failed.includes(name)))
    .map(({ of, message }) => ({ setting: of[0] as string, message }))
}

/** The storage removes files of its folder that it does not know; and a copy beside the original is lost with it. */
function isInStorage({ storage, backupFolder }: Draft): boolean {
  if (storage?.type !== 'level' || backupFolder === undefined) return false
  return !/^\.\.(?:\/|$)/.test(relative(resolve(storage.path), resolve(backupFolder)))
}

function configOf(draft: Draft): Config | undefined {
  const { storage, listeners, maxLeaseTtl = defaultTtl, defaultLeaseTtl = Math.min(defaultTtl, maxLeaseTtl) } = draft
  return (
    storage &&
    listeners && {
      logLevel: 'info',
      logFormat: 'standard',
      apiAudit: false,
      audits: [],
      witnesses: [],
      seals: [],
      recoveryUnseals: false,
      initialize: [],
      userLockout: {},
      ...draft,
      defaultLeaseTtl,
      maxLeaseTtl,
      storage,
      listeners,
    }
  )
}
