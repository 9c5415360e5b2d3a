import { readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { topLevel } from './settings.ts'
import type { Draft } from './settings.ts'
import { ConfigError, Source, itemsOf } from './source.ts'
import { defaultTtl } from './types.ts'
import type { Config } from './types.ts'

/**
 * Reads the configuration from files and folders (their *.hcl and *.json, in order of name). Lists add up.
 * @throws ConfigError naming file and line.
 */
export async function loadConfig(paths: readonly string[]): Promise<Config> {
  const draft: Draft = {}
  for (const file of (await Promise.all(paths.map(filesOf))).flat()) {
    const source = new Source(file)
    for (const item of itemsOf(source, await readFile(file, 'utf8')))
      source.setting(topLevel, item, 'the configuration')(source, item.value, draft, item)
  }
  if (!draft.storage)
    throw new ConfigError(
      'the configuration needs a storage block, such as: storage "level" { path = "/var/lib/strongroom" }',
    )
  if (!draft.listeners?.length)
    throw new ConfigError(
      'the configuration needs a listener block, such as: listener "tcp" { address = "127.0.0.1:8200" … }',
    )
  checkLog(draft)
  const { maxLeaseTtl = defaultTtl, defaultLeaseTtl = Math.min(defaultTtl, maxLeaseTtl) } = draft
  if (defaultLeaseTtl > maxLeaseTtl)
    throw new ConfigError(`default_lease_ttl (${defaultLeaseTtl} s) is longer than max_lease_ttl (${maxLeaseTtl} s)`)
  return {
    logLevel: 'info',
    logFormat: 'standard',
    apiAudit: false,
    audits: [],
    witnesses: [],
    seals: [],
    recoveryUnseals: false,
    userLockout: {},
    ...draft,
    defaultLeaseTtl,
    maxLeaseTtl,
    storage: draft.storage,
    listeners: draft.listeners,
  }
}

function checkLog({ logFile, logRotateBytes, logRotateDuration, logRotateMaxFiles }: Draft): void {
  const rotations = [logRotateBytes, logRotateDuration, logRotateMaxFiles]
  if (logFile === undefined && rotations.some((setting) => setting !== undefined))
    throw new ConfigError(
      'log_rotate_bytes, log_rotate_duration and log_rotate_max_files have an effect only with log_file',
    )
}

async function filesOf(path: string): Promise<string[]> {
  const status = await stat(path).catch(() => undefined)
  if (!status) throw new ConfigError(`${path}: there is no such file or folder`)
  if (!status.isDirectory()) return [path]
  const names = await readdir(path)
  return names
    .filter((name) => /\.(hcl|json)$/.test(name))
    .sort()
    .map((name) => join(path, name))
}
