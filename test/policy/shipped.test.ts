import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { compileAcl } from '../../src/policy/acl.ts'
import type { AclOperation } from '../../src/policy/acl.ts'
import { parsePolicy } from '../../src/policy/document.ts'

const shipped = (name: string) => {
  const acl = compileAcl([{ name, document: parsePolicy(readFileSync(`policies/${name}.hcl`, 'utf8'), name) }], {
    now: () => 0,
  })
  return (question: string) => {
    const [operation = '', path = '', wrapped] = question.split(' ')
    const wrapping = wrapped === undefined ? {} : { wrapTtl: 60 }
    return acl.decide({ operation: operation as AclOperation, path, data: {}, ...wrapping }).allowed
  }
}

const table: Readonly<Record<string, { readonly may: readonly string[]; readonly mayNot: readonly string[] }>> = {
  'transit-app': {
    may: ['update transit/encrypt/orders', 'update transit/decrypt/orders', 'update transit/rewrap/orders'],
    mayNot: [
      'create transit/encrypt/orders',
      'read transit/keys/orders',
      'create transit/keys/x',
      'update transit/keys/orders',
      'update transit/keys/orders/rotate',
      'update transit/keys/orders/config',
      'delete transit/keys/orders',
      'read transit/export/encryption-key/orders',
      'read transit/backup/orders',
      'update transit/datakey/plaintext/orders',
      'update sys/seal',
      'list sys/policies/acl',
      'read cubbyhole/x',
    ],
  },
  'approle-issuer': {
    may: ['read auth/approle/role/web/role-id', 'update auth/approle/role/web/secret-id wrapped'],
    mayNot: [
      'update auth/approle/role/web/secret-id',
      'list auth/approle/role/web/secret-id',
      'update auth/approle/role/web/role-id',
      'update auth/approle/role/web/custom-secret-id wrapped',
      'update auth/approle/role/web/secret-id/lookup wrapped',
      'update auth/approle/role/web/secret-id-accessor/destroy',
      'read auth/approle/role/web',
      'update auth/approle/role/web',
      'update auth/approle/role/web/policies',
      'update auth/approle/role/other/secret-id wrapped',
      'read auth/approle/role/other/role-id',
      'update auth/approle/login',
      'update auth/approle/tidy/secret-id',
    ],
  },
  'backup-writer': {
    may: ['update transit/datakey/plaintext/backups', 'update transit/rewrap/backups'],
    mayNot: [
      'update transit/decrypt/backups',
      'update transit/encrypt/backups',
      'create transit/encrypt/backups',
      'update transit/datakey/plaintext/orders',
      'update transit/datakey/wrapped/backups',
      'update transit/rewrap/orders',
      'update transit/reencrypt/backups/orders',
      'read transit/keys/backups',
      'create transit/keys/backups',
      'update transit/keys/backups/rotate',
      'update transit/keys/backups/config',
      'delete transit/keys/backups',
      'read transit/export/encryption-key/backups',
      'read transit/backup/backups',
      'update auth/token/create',
      'read cubbyhole/x',
    ],
  },
  'backup-restorer': {
    may: ['update transit/decrypt/backups'],
    mayNot: [
      'update transit/decrypt/orders',
      'update transit/encrypt/backups',
      'create transit/encrypt/backups',
      'update transit/datakey/plaintext/backups',
      'update transit/datakey/wrapped/backups',
      'update transit/rewrap/backups',
      'update transit/reencrypt/backups/orders',
      'read transit/keys/backups',
      'update transit/keys/backups/config',
      'delete transit/keys/backups',
      'read transit/export/encryption-key/backups',
      'read transit/backup/backups',
      'update auth/token/create',
      'read cubbyhole/x',
    ],
  },
  auditor: {
    may: [
      'read sys/audit',
      'read sys/audit/checkpoint',
      'read sys/audit/proof',
      'read sys/audit/consistency',
      'read sys/audit/entries',
      'update sys/audit-hash/file',
      'list sys/policies/acl',
      'read sys/policies/acl/admin',
      'update sys/policies/explain',
      'read transit/keys/orders',
    ],
    mayNot: [
      'update transit/decrypt/orders',
      'update transit/encrypt/orders',
      'update sys/policies/acl/admin',
      'create sys/audit/x',
      'update sys/audit/x',
      'delete sys/audit/file',
      'update sys/audit/rotate-keys',
      'update sys/audit/entries',
      'update auth/token/create',
      'read transit/export/encryption-key/orders',
      'update transit/keys/orders/rotate',
      'update sys/seal',
    ],
  },
  operator: {
    may: [
      'update sys/seal',
      'update sys/rotate',
      'read sys/key-status',
      'update sys/rotate/root',
      'update sys/generate-root-token/attempt',
      'read sys/generate-root-token/attempt',
      'delete sys/generate-root-token/attempt',
      'update sys/generate-root-token/update',
      'read sys/mounts',
      'read sys/metrics',
      'update sys/loggers/core',
      'read sys/config/state/sanitized',
    ],
    mayNot: [
      'update transit/decrypt/orders',
      'read secret/data/x',
      'read cubbyhole/x',
      'update sys/policies/acl/p',
      'update sys/policies/explain',
      'create sys/policies/acl/p',
      'update auth/token/create',
      'create sys/mounts/x',
      'update sys/mounts/x',
      'delete sys/audit/file',
      'update sys/config/cors',
      'update sys/quotas/config',
      'update sys/leases/revoke-prefix/auth/token',
    ],
  },
  admin: {
    may: [
      'update sys/mounts/transit',
      'update sys/policies/acl/app',
      'update sys/policies/explain',
      'update auth/token/create',
      'create transit/keys/orders',
      'list sys/leases/lookup/auth/token/',
      'update sys/leases/revoke-prefix/auth/token/create/app',
      'update sys/quotas/rate-limit/logins',
    ],
    mayNot: [
      'update transit/decrypt/orders',
      'update transit/encrypt/orders',
      'read secret/data/x',
      'update sys/audit/x',
      'delete sys/audit/file',
      'update sys/seal',
      'update sys/rotate',
      'read transit/export/encryption-key/orders',
      'read transit/backup/orders',
      'update sys/config/ui/headers/X-A',
      'update sys/leases/revoke-force/auth',
    ],
  },
}

describe('shipped policies', () => {
  for (const [name, { may, mayNot }] of Object.entries(table)) {
    const ask = shipped(name)
    for (const question of may) it(`${name} may ${question}`, () => expect(ask(question)).to.equal(true))
    for (const question of mayNot) it(`${name} may not ${question}`, () => expect(ask(question)).to.equal(false))
  }
})
