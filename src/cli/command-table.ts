import type { Command, Family } from './framework/command.ts'

/** Every command line begins with one of these words. A family is loaded only when it is needed. */
export const families: readonly Family[] = [
  family('server', 'Start a server', async () => (await import('./commands/server/server.ts')).serverCommands),
  family(
    'status',
    'Whether the server is sealed',
    async () => (await import('./commands/operator/status.ts')).statusCommands,
  ),
  family('operator', 'Initialise, unseal, seal, and change keys', loadOperator),
  family('login', 'Log in', async () => (await import('./commands/auth/login.ts')).loginCommands),
  family('read', 'Read a path', loadGeneric),
  family('write', 'Write data to a path', loadGeneric),
  family('patch', 'Change parts of what is at a path', loadGeneric),
  family('list', 'List what lies under a path', loadGeneric),
  family('scan', 'List everything below a path', loadGeneric),
  family('delete', 'Delete what is at a path', loadGeneric),
  family('unwrap', 'Open a wrapped answer', async () => (await import('./commands/generic/unwrap.ts')).unwrapCommands),
  family('kv', 'Keep and fetch secrets in a key/value store', loadKv),
  family('transit', 'Encrypt files and streams with keys of transit, and import keys', loadTransit),
  family('secrets', 'Manage secrets engines', async () => (await import('./commands/sys/secrets.ts')).secretsCommands),
  family('auth', 'Manage auth methods', async () => (await import('./commands/auth/auth.ts')).authCommands),
  family('policy', 'Manage policies', async () => (await import('./commands/sys/policy.ts')).policyCommands),
  family('token', 'Manage tokens', async () => (await import('./commands/auth/token.ts')).tokenCommands),
  family('lease', 'Manage leases', async () => (await import('./commands/sys/lease.ts')).leaseCommands),
  family('namespace', 'Manage namespaces', async () => (await import('./commands/sys/namespace.ts')).namespaceCommands),
  family('audit', 'Manage audit devices and check their files', loadAudit),
  family('path-help', 'What a path of the API is for', loadGeneric),
  family(
    'version-history',
    'The releases that have run on this storage',
    async () => (await import('./commands/operator/members.ts')).historyCommands,
  ),
  family(
    'completion',
    'Print the completion script of a shell',
    async () => (await import('./commands/generic/completion.ts')).completionCommands,
  ),
  family('print', 'Print what is in use here', async () => (await import('./commands/generic/print.ts')).printCommands),
  family('version', 'Print the version', async () => (await import('./commands/generic/print.ts')).printCommands),
]

function family(word: string, about: string, load: Family['load']): Family {
  return { word, about, load }
}

async function loadGeneric(): Promise<readonly Command[]> {
  return (await import('./commands/generic/generic.ts')).genericCommands
}

async function loadOperator(): Promise<readonly Command[]> {
  const families = await Promise.all([
    import('./commands/operator/init.ts'),
    import('./commands/operator/unseal.ts'),
    import('./commands/operator/keys.ts'),
    import('./commands/operator/rekey.ts'),
    import('./commands/operator/members.ts'),
    import('./commands/operator/generate-root.ts'),
  ])
  return families.flatMap((family) => family.operatorCommands)
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
  const families = await Promise.all([
    import('./commands/kv/kv.ts'),
    import('./commands/kv/versions.ts'),
    import('./commands/kv/metadata.ts'),
  ])
  return families.flatMap((family) => family.kvCommands)
}
