import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A key file of 32 random bytes. */
export function keyFile(folder: string, name: string): string {
  const path = join(folder, name)
  writeFileSync(path, randomBytes(32))
  return path
}

/** A `seal` block with the key in a file. */
export const staticSeal = (key: string, id = 'one', more = ''): string =>
  `seal "static" {\n current_key_id = "${id}"\n current_key = "file://${key}"\n ${more}\n}`

/** A configuration file with LevelDB and an audit file in a folder, and these blocks besides. @returns its path */
export function sealedConfig(folder: string, blocks: string): string {
  const config = join(folder, 'c.hcl')
  const listener = `listener "tcp" {\n address = "127.0.0.1:0"\n tls_disable = true\n disable_unauthed_rekey_endpoints = false\n disable_unauthed_generate_root_endpoints = false\n}`
  const audit = `audit "file" "file" { options { file_path = "${folder}/audit.log" } }`
  writeFileSync(config, `storage "level" { path = "${folder}/data" }\n${listener}\n${audit}\n${blocks}\n`)
  return config
}
