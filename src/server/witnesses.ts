import { readFileSync } from 'node:fs'
import { posix } from 'node:path'
import type { AuditBroker } from '../audit/broker.ts'
import { readVkey } from '../audit/checkpoints/verifier-key.ts'
import { WitnessKeeper } from '../audit/witness/keeper.ts'
import { ConfigError } from '../config/source.ts'
import type { Config, WitnessConfig } from '../config/types.ts'
import type { Clock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'

/** The witnesses of the audit files' checkpoints. @throws ConfigError on keys and files that cannot be used */
export function witnessesOf(config: Config, audit: AuditBroker, clock: Clock, log: Log): WitnessKeeper {
  const files = (): readonly string[] =>
    audit.devices().flatMap(({ type, options }) => {
      const path = options['file_path'] ?? options['path'] ?? ''
      return type === 'file' && path.startsWith('/') && path !== '/dev/null' ? [posix.normalize(path)] : []
    })
  return new WitnessKeeper({ witnesses: config.witnesses.map(placeOf), files, clock, log })
}

function placeOf({ name, url, key: encodedKey, caFile }: WitnessConfig) {
  const key = readVkey(encodedKey)
  if (!key) throw new ConfigError(`the key of audit_witness "${name}" is not the public key of a witness`)
  return { name, url, key, tls: caFile === undefined ? {} : { ca: authorityAt(caFile, name) } }
}

function authorityAt(path: string, name: string): Buffer {
  try {
    return readFileSync(path)
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? 'not usable'
    throw new ConfigError(`the tls_ca_file of audit_witness "${name}" cannot be read (${code})`)
  }
}
