import { readFields } from '../../contract/field.ts'
import type { Fault } from '../../contract/fault.ts'
import type { AdmittedRequest } from '../../contract/protocol.ts'
import type { Request } from '../../contract/request.ts'
import { admission, placed } from './admit.ts'
import type { Admission, Counting, RequestHead } from './admit.ts'

/** The role of a login by its parameters. */
type RoleOf = (data: Request['data']) => Promise<string | undefined>

/**
 * The role of a login by its parameters, if there are quotas for roles of its mount; it is then counted once they are read. A
 * client that is over all quotas of the mount is refused before that: undefined.
 */
export function loginRoleOf(unsealed: Counting, sent: RequestHead): RoleOf | undefined {
  if (!unsealed.quotas.any) return undefined
  const { head, namespace, counted } = placed(unsealed, sent)
  const limited = unsealed.quotas.rolesOf(counted)
  if (!namespace || limited.length === 0 || head.operation === 'help' || unsealed.quotas.isUsedUp(counted))
    return undefined
  const { mount, match } = namespace.mounts.router.find(head.path, false) ?? {}
  const route = match?.offers[head.operation]
  if (!mount || !route?.loginRole) return undefined
  const { fields, loginRole } = route
  return async (data) => {
    try {
      const values = readFields(fields, { ...data, ...match?.params })
      return await loginRole({ engine: mount.state as never, request: { ...head, data } }, values, limited)
    } catch {
      // The login will be refused for the same reason. It counts like one without a role.
      return undefined
    }
  }
}

/** A login of which the parameters name the role. */
interface RoleLogin {
  readonly head: RequestHead
  /** See `loginRoleOf`. */
  readonly roleOf: RoleOf
  /** Refuses a request that is over its quota. */
  readonly reject: (rejected: Required<Admission>['rejected']) => Promise<never>
}

/** A login that counts in the quota of its role, once its parameters are read. One whose body cannot be read has none. */
export function countedOnceRead(
  unsealed: Counting,
  admitted: AdmittedRequest,
  { head, roleOf, reject }: RoleLogin,
): AdmittedRequest {
  let headers: Admission['headers']
  const count = async (role?: string): Promise<void> => {
    const counted = admission(unsealed, head, role)
    headers = counted.headers
    if (counted.rejected) await reject(counted.rejected)
  }
  return {
    ...admitted,
    get headers() {
      return headers
    },
    handle: async (parameters) => {
      await count(await roleOf(parameters.data))
      return admitted.handle(parameters)
    },
    refuse: async (refusal: Fault) => {
      await count()
      return admitted.refuse(refusal)
    },
  }
}
