import type { Entry } from './entries.ts'

/** A privileged action that reports list one by one: a path (`+` is one segment, `*` the rest), operations, and a description. */
interface Privilege {
  readonly about: string
  readonly path: RegExp
  /** By default, every change. */
  readonly operations?: readonly string[]
}

const changing = ['create', 'update', 'patch', 'delete']

const privilege = (about: string, path: string, operations?: readonly string[]): Privilege => {
  const pattern = path
    .replace(/[.|()]/g, '\\$&')
    .replaceAll('+', '[^/]+')
    .replaceAll('*', '.*')
  return { about, path: new RegExp(`^(?:.*/)?${pattern}$`, 's'), ...(operations && { operations }) }
}

/** The first match applies. Paths are as in the lines; a namespace may precede them. */
const privileges: readonly Privilege[] = [
  privilege('key shares and seal', 'sys/init'),
  privilege('key shares and seal', 'sys/seal'),
  privilege('key shares and seal', 'sys/unseal'),
  privilege('key shares and seal', 'sys/rekey/*'),
  privilege('key shares and seal', 'sys/rotate/root/*'),
  privilege('key shares and seal', 'sys/rekey-recovery-key/*'),
  privilege('root token', 'sys/generate-root/*'),
  privilege('root token', 'sys/generate-root'),
  privilege('key of the storage', 'sys/rotate*'),
  privilege('policy', 'sys/policies/*'),
  privilege('policy', 'sys/policy/*'),
  privilege('mount', 'sys/mounts/*'),
  privilege('mount', 'sys/remount*'),
  privilege('login method', 'sys/auth/*'),
  privilege('audit device', 'sys/audit/*'),
  privilege('audit device', 'sys/config/auditing/*'),
  privilege('namespace', 'sys/namespaces/*'),
  privilege('quota', 'sys/quotas/*'),
  privilege('settings', 'sys/config/*'),
  privilege('settings', 'sys/loggers*'),
  privilege('leases', 'sys/leases/revoke-prefix/*'),
  privilege('leases', 'sys/leases/revoke-force/*'),
  privilege('token role', 'auth/+/roles/+'),
  privilege('orphan token', 'auth/token/create-orphan'),
  privilege('login method', 'auth/+/config'),
  privilege('key exported', '+/export/*', ['read', ...changing]),
  privilege('key exported', '+/byok-export/*', ['read', ...changing]),
  privilege('key exported', '+/backup/+', ['read', ...changing]),
  privilege('key imported', '+/restore*'),
  privilege('key imported', '+/keys/+/import*'),
  privilege('key settings', '+/keys/+/config'),
  privilege('key destroyed', '+/keys/+', ['delete']),
  privilege('key destroyed', '+/keys/+/trim'),
  privilege('secret destroyed', '+/destroy/*'),
  privilege('secret destroyed', '+/metadata/*', ['delete']),
]

/** A short description of a privileged action; undefined for everyday requests, and for actions that did not happen. */
export function privilegeOf({ path, operation, result, policies }: Entry): string | undefined {
  if (result !== 'ok') return undefined
  const found = privileges.find((one) => (one.operations ?? changing).includes(operation) && one.path.test(path))
  if (found) return found.about
  return policies.includes('root') && changing.includes(operation) ? 'change by a root token' : undefined
}
