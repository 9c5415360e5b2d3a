import { refuse } from '../../contract/fault.ts'
import type { Identities, NamespaceId } from '../../contract/identity.ts'
import type { TokenHome } from '../../tokens/namespace-tokens.ts'
import type { Namespace } from '../namespaces/namespace.ts'
import type { UnsealedServerParts } from './unsealed-server.ts'

/** The parts of a namespace, while it is loaded. */
export interface HomeParts {
  readonly namespaceOf: (id: NamespaceId) => Namespace | undefined
  readonly identities: (id: NamespaceId) => Identities | undefined
}

/** A namespace, as its tokens see it. */
export function homeOf(
  id: NamespaceId,
  { namespaceOf, identities }: HomeParts,
  ttl: UnsealedServerParts['ttl'],
): TokenHome {
  return {
    id,
    get path() {
      return namespaceOf(id)?.path ?? ''
    },
    limits: () => {
      const mounts = namespaceOf(id)?.mounts
      const record = mounts?.at('auth/token/')
      return record && mounts ? mounts.limits(record) : { defaultTtl: ttl.default, maxTtl: ttl.max }
    },
    renewal: async (record, request) => {
      const mounts = namespaceOf(id)?.mounts
      if (!mounts) throw refuse('lease is not renewable')
      const { groups, ...bounds } = await mounts.renewal(record, request)
      if (groups && record.entityId !== '')
        await identities(id)?.regroup(record.entityId, groups.mountAccessor, groups.names)
      return bounds
    },
    policyExists: async (name) => (await namespaceOf(id)?.policies.get(name)) !== undefined,
  }
}
