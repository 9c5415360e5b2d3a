import type { Command, Run } from '../../framework/command.ts'
import { UsageError } from '../../framework/flags.ts'
import { fileText } from '../../framework/request-data.ts'
import { Client } from '../../http/client.ts'
import { sourceOf } from '../../http/connection.ts'
import { importRoles } from './approle.ts'
import { importKv1 } from './kv1.ts'
import { importKv2 } from './kv2.ts'
import { importMounts } from './mounts.ts'
import type { Mounted } from './mounts.ts'
import { importPolicies } from './policies.ts'
import { Report } from './report.ts'
import type { Import } from './servers.ts'
import { importTransit } from './transit.ts'

type Importer = (parts: Import, mount: Mounted) => Promise<void>

/** What is imported of the mounts in each table, by their type. */
const importers: Readonly<Record<'sys/mounts' | 'sys/auth', Readonly<Record<string, Importer>>>> = {
  'sys/mounts': {
    kv: async (parts, mount) => (mount.version === 2 ? importKv2(parts, mount) : importKv1(parts, mount)),
    transit: importTransit,
  },
  'sys/auth': { approle: importRoles },
}

async function importVault(run: Run): Promise<number> {
  const address = run.flags.string('from') ?? ''
  if (address === '')
    throw new UsageError('-from=ADDRESS is missing: the address of the Vault or OpenBao to import from')
  const source = new Client(sourceOf(address, await tokenOf(run), run.flags, run.environment))
  const report = new Report(run, run.flags.bool('dry-run'))
  const parts: Import = { source, target: run.client, report }
  await importPolicies(parts)
  for (const [table, contents] of Object.entries(importers)) {
    const mounts = await importMounts(parts, table as 'sys/mounts', Object.keys(contents))
    for (const mount of mounts)
      await report.attempt({ kind: 'mount', path: `${mount.path}/` }, async () => contents[mount.type]?.(parts, mount))
  }
  return report.end()
}

async function tokenOf(run: Run): Promise<string> {
  const file = run.flags.string('from-token-file')
  const token = file === undefined ? await run.ask('Token of the source (will be hidden): ') : file === '-' ? await run.stdin() : fileText(file) // prettier-ignore
  if (token.trim() === '') throw new UsageError('the token of the source is empty')
  return token.trim()
}

/** `import vault`. */
export const importCommands: readonly Command[] = [
  {
    name: 'import vault',
    about: 'Copy policies, mounts, secrets, exportable keys and AppRole roles from a running Vault or OpenBao',
    args: [0, 0],
    flags: {
      from: { kind: 'string', about: 'Address of the source.' },
      'from-token-file': { kind: 'string', about: 'File with a token of the source, or - for standard input; asked for otherwise.' }, // prettier-ignore
      'from-namespace': { kind: 'string', about: 'Namespace of the source.' },
      'from-ca-cert': { kind: 'string', about: 'File with the CA certificate of the source, in PEM.' },
      'dry-run': { kind: 'bool', about: 'Show the lines of the import, and change nothing.' },
    },
    shows: ['format'],
    doing: 'importing',
    run: importVault,
  },
]
