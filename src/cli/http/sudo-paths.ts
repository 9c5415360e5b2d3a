/**
 * Paths of the API that also need the capability `sudo`, of any server with Vault's API; `*` stands for one character or more.
 * The command line has no routes of its own: a test compares these with the OpenAPI document of our server.
 */
const sudoPaths: readonly string[] = [
  'auth/token/accessors',
  'auth/token/create-orphan',
  'auth/token/revoke-orphan',
  'sys/audit',
  'sys/audit/*',
  'sys/auth/*',
  'sys/config/auditing/*',
  'sys/config/cors',
  'sys/config/ui/*',
  'sys/leases',
  'sys/leases/lookup/*',
  'sys/leases/revoke-force/*',
  'sys/leases/revoke-prefix/*',
  'sys/mounts/auth/*',
  'sys/raw',
  'sys/raw/*',
  'sys/remount',
  'sys/rotate',
  'sys/rotate/keyring',
  'sys/rotate/root',
  'sys/seal',
  'sys/step-down',
  'sys/storage/raft/snapshot-auto/config',
  'sys/storage/raft/snapshot-auto/config/*',
  'sys/storage/raft/snapshot-force',
  'sys/storage/raft/snapshot-recover',
  'sys/storage/raft/snapshot-verify',
  'sys/unseal',
]

/** Queries of the audit log, whose paths are among the names of audit devices. */
const withoutSudo = ['sys/audit/checkpoint', 'sys/audit/consistency', 'sys/audit/entries', 'sys/audit/proof']

/** Whether a request to a path needs `sudo` in addition to the capability of its operation. */
export function needsSudo(path: string): boolean {
  if (withoutSudo.includes(path)) return false
  return sudoPaths.some((pattern) => {
    const folder = pattern.endsWith('*') ? pattern.slice(0, -1) : undefined
    return folder === undefined ? path === pattern : path.startsWith(folder) && path.length > folder.length
  })
}
