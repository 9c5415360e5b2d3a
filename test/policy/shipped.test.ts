import { readdirSync, readFileSync } from 'node:fs'
import { expect } from 'chai'
import type { Principal } from '../../src/contract/identity.ts'
import { compileAcl } from '../../src/policy/acl.ts'
import type { AclOperation } from '../../src/policy/verdict.ts'
import { builtinPolicies } from '../../src/policy/builtin.ts'
import { parsePolicy } from '../../src/policy/document.ts'

/** Whoever the templates of the policies are about. */
const principal: Principal = {
  entity: {
    id: 'e-1',
    name: 'anna',
    metadata: {},
    policies: [],
    disabled: false,
    aliases: [
      {
        id: 'a-1',
        name: 'anna',
        mountAccessor: 'ACCESSOR',
        metadata: { service_account_namespace: 'shop', service_account_name: 'web' },
        customMetadata: {},
      },
    ],
  },
  groups: [],
}

const shipped = (name: string, of: Principal | 'nobody' = principal) => {
  const builtin = { name: 'default', document: parsePolicy(builtinPolicies.default) }
  const document = parsePolicy(readFileSync(`policies/${name}.hcl`, 'utf8'), name)
  const policies = [...(withDefault.includes(name) ? [builtin] : []), { name, document }]
  const acl = compileAcl(policies, { now: () => 0 }, of === 'nobody' ? undefined : of)
  return (question: string) => {
    const [operation = '', path = '', ...more] = question.split(' ')
    const wrapping = more.includes('wrapped') ? { wrapTtl: 60 } : {}
    const data = Object.fromEntries(more.filter((word) => word !== 'wrapped').map((word) => [word, 'x']))
    return acl.decide({ operation: operation as AclOperation, path, data, ...wrapping }).allowed
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
  'user-self-service': {
    may: [
      'create secret/data/people/e-1/mail',
      'read secret/data/people/e-1/mail/work',
      'delete secret/data/people/e-1/mail',
      'list secret/metadata/people/e-1/',
      'update secret/undelete/people/e-1/mail',
      'update auth/userpass/users/anna/password password',
    ],
    mayNot: [
      'read secret/data/people/e-2/mail',
      'read secret/data/people/e-1',
      'read secret/data/people/e-11/mail',
      'list secret/metadata/people/',
      'list secret/metadata/',
      'update secret/metadata/people/e-1/mail',
      'read secret/data/team/x',
      'update auth/userpass/users/berta/password password',
      'update auth/userpass/users/anna/password password_hash',
      'update auth/userpass/users/anna/password password password_hash',
      'update auth/userpass/users/anna/password',
      'update auth/userpass/users/anna/policies',
      'update auth/userpass/users/anna',
      'read auth/userpass/users/anna',
      'delete auth/userpass/users/anna',
      'list auth/userpass/users/',
      'update identity/entity/id/e-1',
      'update identity/group',
      'update identity/entity-alias',
      'update auth/token/create',
      'read sys/policies/acl/user-self-service',
    ],
  },
  agent: {
    may: [
      'read secret/data/agents/e-1/crm',
      'list secret/metadata/agents/e-1/',
      'update transit/sign/agent-e-1',
      'read auth/token/lookup-self',
      'update auth/token/revoke-self',
    ],
    mayNot: [
      'read secret/data/agents/e-2/crm',
      'read secret/data/people/e-1/mail',
      'create secret/data/agents/e-1/crm',
      'update secret/data/agents/e-1/crm',
      'delete secret/data/agents/e-1/crm',
      'list secret/metadata/agents/',
      'update transit/sign/agent-e-2',
      'update transit/sign/orders',
      'update transit/decrypt/orders',
      'create transit/sign/agent-e-1',
      'read transit/export/signing-key/agent-e-1',
      'update auth/token/create',
      'update auth/token/create-orphan',
      'update auth/token/create/role',
      'update sys/wrapping/wrap',
      'create cubbyhole/x',
      'update cubbyhole/x',
      'update identity/entity/id/e-1',
      'update sys/policies/acl/agent',
    ],
  },
  'kubernetes-app': {
    may: [
      'read secret/data/k8s/shop/web/db',
      'read secret/data/k8s/shop/web/db/main',
      'list secret/metadata/k8s/shop/web/',
    ],
    mayNot: [
      'read secret/data/k8s/shop/other/db',
      'read secret/data/k8s/other/web/db',
      'read secret/data/k8s/shop/web',
      'read secret/data/k8s/shop/web-2/db',
      'list secret/metadata/k8s/shop/',
      'list secret/metadata/k8s/',
      'create secret/data/k8s/shop/web/db',
      'update secret/data/k8s/shop/web/db',
      'delete secret/data/k8s/shop/web/db',
      'read secret/data/people/e-1/mail',
      'update auth/token/create',
      'update auth/kubernetes/role/web',
      'read auth/kubernetes/config',
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
  'snapshot-writer': {
    may: ['read sys/storage/raft/snapshot'],
    mayNot: [
      'update sys/storage/raft/snapshot',
      'update sys/storage/raft/snapshot-force',
      'update sys/storage/raft/snapshot-verify',
      'read sys/storage/raft/snapshot-force',
      'read sys/storage/raft/configuration',
      'update sys/seal',
      'update sys/rotate',
      'read secret/data/x',
      'read cubbyhole/x',
      'list sys/policies/acl',
      'update auth/token/create',
    ],
  },
  'secret-recoverer': {
    may: ['update sys/storage/raft/snapshot-recover', 'create secret/data/app/db', 'create secret/metadata/app/db'],
    mayNot: [
      'read secret/data/app/db',
      'update secret/data/app/db',
      'update secret/metadata/app/db',
      'delete secret/metadata/app/db',
      'list secret/metadata/app/',
      'read sys/storage/raft/snapshot',
      'update sys/storage/raft/snapshot',
      'update sys/storage/raft/snapshot-force',
      'update sys/storage/raft/snapshot-verify',
      'update transit/restore/orders',
      'read cubbyhole/x',
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
      'update sys/storage/raft/snapshot-auto/config/nightly',
      'read sys/storage/raft/snapshot-auto/status/nightly',
    ],
    mayNot: [
      'read sys/storage/raft/snapshot',
      'update sys/storage/raft/snapshot-force',
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

/** They bound what the policy `default` gives. */
const withDefault: readonly string[] = ['agent']

describe('shipped policies', () => {
  for (const [name, { may, mayNot }] of Object.entries(table)) {
    const ask = shipped(name)
    for (const question of may) it(`${name} may ${question}`, () => expect(ask(question)).to.equal(true))
    for (const question of mayNot) it(`${name} may not ${question}`, () => expect(ask(question)).to.equal(false))
  }

  it('each has its table', () => {
    expect(readdirSync('policies').sort()).to.deep.equal(
      Object.keys(table)
        .map((name) => `${name}.hcl`)
        .sort(),
    )
  })

  for (const name of ['user-self-service', 'agent', 'kubernetes-app'])
    it(`${name} gives a token without an entity, and odd names, nothing`, () => {
      const odd = (value: string): Principal => ({
        entity: {
          ...principal.entity,
          id: value,
          aliases: principal.entity.aliases.map((alias) => ({
            ...alias,
            name: value,
            metadata: { service_account_namespace: value, service_account_name: value },
          })),
        },
        groups: [],
      })
      const own = (table[name]?.may ?? []).filter((question) => /people|agent|k8s|userpass/.test(question))
      expect(own).to.not.deep.equal([])
      for (const of of ['nobody', ...['*', '+', 'e-1/..', '', 'e-1/*'].map(odd)] as const) {
        const ask = shipped(name, of)
        for (const question of own) expect(ask(question), question).to.equal(false)
      }
    })
})
