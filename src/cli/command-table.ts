import type { Command, CommandGroup } from './framework/command.ts'

/** The first words of all commands. The commands of a group are loaded when one of them is needed. */
export const commandGroups: readonly CommandGroup[] = [
  group('server', 'Start a server', async () => (await import('./commands/server/server.ts')).serverCommands),
  group(
    'status',
    'Show whether the server is sealed',
    async () => (await import('./commands/operator/status.ts')).statusCommands,
  ),
  group('operator', 'Initialise, unseal and seal the server, and manage its keys', loadOperator),
  group('login', 'Log in', async () => (await import('./commands/auth/login.ts')).loginCommands),
  group('read', 'Read a path', loadGeneric),
  group('write', 'Write data to a path', loadGeneric),
  group('patch', 'Update part of the data at a path', loadGeneric),
  group('list', 'List the entries of a path', loadGeneric),
  group('scan', 'List all entries below a path, recursively', loadGeneric),
  group('delete', 'Delete the data at a path', loadGeneric),
  group(
    'unwrap',
    'Unwrap a wrapped response',
    async () => (await import('./commands/generic/unwrap.ts')).unwrapCommands,
  ),
  group('kv', 'Work with secrets in a key/value store', loadKv),
  group('transit', 'Encrypt files and streams with transit keys, and import keys', loadTransit),
  group('secrets', 'Manage secrets engines', async () => (await import('./commands/sys/secrets.ts')).secretsCommands),
  group('auth', 'Manage auth methods', async () => (await import('./commands/auth/auth.ts')).authCommands),
  group('policy', 'Manage policies', async () => (await import('./commands/sys/policy.ts')).policyCommands),
  group('token', 'Manage tokens', async () => (await import('./commands/auth/token.ts')).tokenCommands),
  group('lease', 'Manage leases', async () => (await import('./commands/sys/lease.ts')).leaseCommands),
  group('namespace', 'Manage namespaces', async () => (await import('./commands/sys/namespace.ts')).namespaceCommands),
  group('audit', 'Manage audit devices, and verify and search audit files', loadAudit),
  group(
    'import',
    'Import from another server',
    async () => (await import('./commands/import/vault.ts')).importCommands,
  ),
  group(
    'plan',
    'Show the changes that files would make on the server',
    async () => (await import('./commands/plan/plan.ts')).planCommands,
  ),
  group(
    'apply',
    'Change the server as described in files',
    async () => (await import('./commands/plan/plan.ts')).applyCommands,
  ),
  group('path-help', 'Show the help of an API path', loadGeneric),
  group(
    'version-history',
    'List the releases that have used this storage',
    async () => (await import('./commands/operator/members.ts')).historyCommands,
  ),
  group(
    'completion',
    'Print the completion script for a shell',
    async () => (await import('./commands/generic/completion.ts')).completionCommands,
  ),
  group('print', 'Print the token in use', async () => (await import('./commands/generic/print.ts')).printCommands),
  group(
    'debug',
    'Write a support bundle about a server',
    async () => (await import('./commands/debug/debug.ts')).debugCommands,
  ),
  group('version', 'Print the version', async () => (await import('./commands/generic/print.ts')).printCommands),
]

function group(word: string, about: string, load: CommandGroup['load']): CommandGroup {
  return { word, about, load }
}

async function loadGeneric(): Promise<readonly Command[]> {
  return (await import('./commands/generic/generic.ts')).genericCommands
}

async function loadOperator(): Promise<readonly Command[]> {
  const modules = await Promise.all([
    import('./commands/operator/init.ts'),
    import('./commands/operator/unseal.ts'),
    import('./commands/operator/keys.ts'),
    import('./commands/operator/rekey.ts'),
    import('./commands/operator/members.ts'),
    import('./commands/operator/generate-root.ts'),
    import('./commands/operator/snapshot.ts'),
    import('./commands/operator/migrate.ts'),
    import('./commands/operator/validate-config.ts'),
    import('./commands/operator/diagnose.ts'),
  ])
  return modules.flatMap((module) => module.operatorCommands)
}

async function loadTransit(): Promise<readonly Command[]> {
  const [envelope, bring] = await Promise.all([
    import('./commands/transit/envelope.ts'),
    import('./commands/transit/import.ts'),
  ])
  return [...envelope.envelopeCommands, ...bring.transitImportCommands]
}

async function loadAudit(): Promise<readonly Command[]> {
  const [devices, verify, proofs, read, find, report, witness] = await Promise.all([
    import('./commands/audit/audit.ts'),
    import('./commands/audit/verify.ts'),
    import('./commands/audit/proofs.ts'),
    import('./commands/audit/read.ts'),
    import('./commands/audit/find.ts'),
    import('./commands/audit/report.ts'),
    import('./commands/audit/witness.ts'),
  ])
  return [
    ...devices.auditCommands,
    ...verify.auditVerifyCommands,
    ...proofs.auditProofCommands,
    ...read.auditReadCommands,
    ...find.auditFindCommands,
    ...report.auditReportCommands,
    ...witness.auditWitnessCommands,
  ]
}

async function loadKv(): Promise<readonly Command[]> {
  const modules = await Promise.all([
    import('./commands/kv/kv.ts'),
    import('./commands/kv/versions.ts'),
    import('./commands/kv/metadata.ts'),
  ])
  return modules.flatMap((module) => module.kvCommands)
}
