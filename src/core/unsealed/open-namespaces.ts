import type { Engine } from '../../contract/engine.ts'
import type { TokenStore } from '../../tokens/store.ts'
import type { Lockouts } from '../authentication/lockouts.ts'
import { Mounts, freshMount } from '../mounts/mounts.ts'
import { folderOf } from '../namespaces/namespace.ts'
import type { NamespaceContent, NamespaceRecord } from '../namespaces/namespace.ts'
import { Namespaces } from '../namespaces/namespaces.ts'
import type { Guard } from '../namespaces/namespaces.ts'
import { PasswordPolicies } from '../policies/password-policies.ts'
import { Policies, firstPolicies } from '../policies/policies.ts'
import type { Freshness } from '../freshness.ts'
import type { UnsealedServerParts } from './unsealed-server.ts'

type FollowingParts = UnsealedServerParts & { readonly freshness: Freshness; readonly lockouts: Lockouts }

/** The namespaces, each with its policies and mounts. */
export async function openNamespaces(
  parts: FollowingParts,
  tokens: TokenStore,
  engines: readonly Engine[],
): Promise<Namespaces> {
  return Namespaces.open({
    ...parts,
    view: parts.barrier.view(''),
    tokens,
    seed: (record) => firstRecords(parts, record),
    load: async (record, guard) => loadParts({ ...parts, tokens }, engines, record, guard),
  })
}

/** The records of a new namespace: its first policies and its builtin mounts. */
function firstRecords(parts: UnsealedServerParts, record: NamespaceRecord) {
  return [
    ...firstPolicies(parts.clock.now()).map(([name, policy]) => [`core/policy/acl/${name}`, policy] as const),
    ...parts.builtin
      .map((spec) => freshMount({ ...parts, namespace: record.id }, spec, true))
      .map((mount) => [`mounts/${mount.uuid}`, mount] as const),
  ]
}

/** Loads the policies and mounts of a namespace. Those of a namespace that is being removed are not loaded. */
async function loadParts(
  parts: FollowingParts & { readonly tokens: TokenStore },
  engines: readonly Engine[],
  record: NamespaceRecord,
  guard: Guard,
): Promise<NamespaceContent> {
  const { barrier, clock, random } = parts
  const folder = folderOf(record)
  const policies = new Policies(barrier.view(`${folder}core/policy/acl/`), clock)
  const passwordPolicies = new PasswordPolicies(barrier.view(`${folder}core/policy/password/`), random)
  const table = { ...parts, view: barrier.view(''), folder, namespace: record.id, children: guard, engines }
  try {
    if (!record.removing) await policies.ready()
    const mounts = record.removing ? Mounts.closed(table) : await Mounts.open(table, parts.builtin)
    const close = (): void => {
      policies.close()
      mounts.close()
    }
    return { policies, passwordPolicies, mounts, close }
  } catch (thrown) {
    policies.close()
    throw thrown
  }
}
