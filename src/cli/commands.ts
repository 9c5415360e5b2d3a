import type { Command, Family } from './command.ts'

/** Every command line begins with one of these words. A family is loaded only when it is needed. */
export const families: readonly Family[] = [
  family('server', 'Start a server', async () => (await import('./server.ts')).serverCommands),
  family('status', 'Whether the server is sealed', async () => (await import('./status.ts')).statusCommands),
  family('operator', 'Initialise, unseal, seal, and change keys', loadOperator),
  family('login', 'Log in', async () => (await import('./login.ts')).loginCommands),
  family('read', 'Read a path', loadGeneric),
  family('write', 'Write data to a path', loadGeneric),
  family('patch', 'Change parts of what is at a path', loadGeneric),
  family('list', 'List what lies under a path', loadGeneric),
  family('scan', 'List everything below a path', loadGeneric),
  family('delete', 'Delete what is at a path', loadGeneric),
  family('unwrap', 'Open a wrapped answer', async () => (await import('./unwrap.ts')).unwrapCommands),
  family('kv', 'Keep and fetch secrets in a key/value store', loadKv),
  family('transit', 'Encrypt files and streams with keys of transit, and import keys', loadTransit),
  family('secrets', 'Manage secrets engines', async () => (await import('./secrets.ts')).secretsCommands),
  family('auth', 'Manage auth methods', async () => (await import('./auth.ts')).authCommands),
  family('policy', 'Manage policies', async () => (await import('./policy.ts')).policyCommands),
  family('token', 'Manage tokens', async () => (await import('./token.ts')).tokenCommands),
  family('lease', 'Manage leases', async () => (await import('./lease.ts')).leaseCommands),
  family('namespace', 'Manage namespaces', async () => (await import('./namespace.ts')).namespaceCommands),
  family('audit', 'Manage audit devices and check their files', loadAudit),
  family('path-help', 'What a path of the API is for', loadGeneric),
  family(
    'version-history',
    'The releases that have run on this storage',
    async () => (await import('./members.ts')).historyCommands,
  ),
  family(
    'completion',
    'Print the completion script of a shell',
    async () => (await import('./completion.ts')).completionCommands,
  ),
  family('print', 'Print what is in use here', async () => (await import('./print.ts')).printCommands),
  family('version', 'Print the version', async () => (await import('./print.ts')).printCommands),
]

function family(word: string, about: string, load: Family['load']): Family {
  return { word, about, load }
}

async function loadGeneric(): Promise<readonly Command[]> {
  return (await import('./generic.ts')).genericCommands
}

async function loadOperator(): Promise<readonly Command[]> {
  const families = await Promise.all([
    import('./operator-init.ts'),
    import('./operator-unseal.ts'),
    import('./operator-keys.ts'),
    import('./operator-rekey.ts'),
    import('./members.ts'),
    import('./operator-generate-root.ts'),
  ])
  return families.flatMap((family) => family.operatorCommands)
}

async function loadTransit(): Promise<readonly Command[]> {
  const [envelope, bring] = await Promise.all([import('./envelope.ts'), import('./transit-import.ts')])
  return [...envelope.envelopeCommands, ...bring.transitImportCommands]
}

async function loadAudit(): Promise<readonly Command[]> {
  const [devices, verify, proofs, read, find, report, witness] = await Promise.all([
    import('./audit.ts'),
    import('./audit-verify.ts'),
    import('./audit-proofs.ts'),
    import('./audit-read.ts'),
    import('./audit-find.ts'),
    import('./audit-report.ts'),
    import('./audit-witness.ts'),
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
  const families = await Promise.all([import('./kv.ts'), import('./kv-versions.ts'), import('./kv-metadata.ts')])
  return families.flatMap((family) => family.kvCommands)
}
