import type { Fault } from '../../../contract/fault.ts'
import type { Caller, TokenRecord } from '../../../contract/identity.ts'
import type { Request } from '../../../contract/request.ts'
import type { FormedResponse } from '../../../contract/response.ts'
import type { Route } from '../../../contract/route.ts'
import type { AclOperation } from '../../../policy/verdict.ts'
import type { TokenStore } from '../../../tokens/store.ts'
import type { AuthenticatingParts } from '../../authentication/authenticators.ts'
import type { Mount } from '../../mounts/mount.ts'
import type { Namespace } from '../../namespaces/namespace.ts'
import type { Namespaces } from '../../namespaces/namespaces.ts'
import type { Acls } from '../../policies/acl-cache.ts'
import { anyone } from './caller.ts'
import type { NameFilter } from './list-filter.ts'

/** The parts of an unsealed server that decisions need. */
export interface DecidingParts extends AuthenticatingParts {
  readonly namespaces: Namespaces
  readonly tokens: TokenStore
  readonly acls: Acls
}

/** The outcome of routing, authentication and authorisation. A refusal is a result too: it is audited like any other. */
export interface Decision {
  /** The request seen from its namespace: the path is relative to it. */
  readonly request: Request
  /** The namespace of the decision and the handler. Absent while the server is sealed, and if the namespace does not exist. */
  readonly namespace?: Namespace
  /** The namespace of the caller's token. */
  readonly home?: Namespace
  /** The operation of the policy check. */
  readonly operation: AclOperation
  readonly caller: Caller
  readonly mount?: Mount
  readonly route?: Route
  readonly params: Readonly<Record<string, string>>
  /** The same parameters as the client spelled them, if that differs. */
  readonly rawParams?: Readonly<Record<string, string>>
  /** The token whose uses are counted. One use is counted once the request is in the audit log, for every outcome. */
  readonly countedToken?: TokenRecord
  readonly granting: readonly string[]
  /** The most names that a policy lets this list show. */
  readonly limit?: number
  /** Decides which names of this list a policy lets the caller see. */
  readonly nameFilter?: NameFilter
  /** The response in place of the handler's, for a namespace that does not exist or that the caller may not know of. */
  readonly absentNamespace?: FormedResponse
  readonly refusal?: Fault
}

/** A decision in the making. It has all its members from the start, because every request creates one. */
export class Draft implements Decision {
  request: Request
  namespace?: Namespace
  home?: Namespace
  operation: AclOperation
  caller: Caller = anyone
  mount?: Mount
  route?: Route
  params: Readonly<Record<string, string>> = {}
  rawParams?: Readonly<Record<string, string>>
  countedToken?: TokenRecord
  granting: readonly string[] = []
  limit?: number
  nameFilter?: NameFilter
  refusal?: Fault
  /** The lock of the namespace, or its absence. Only callers who may know about it get this error. */
  namespaceFault?: Fault | undefined
  absentNamespace?: FormedResponse
  /** The path seen from the namespace that the client named, if the request was moved to another one. */
  policyPath?: string
  /** A name in the path is invalid. Callers get this error only if their request is allowed. */
  invalidName?: Fault

  constructor(request: Request) {
    this.request = request
    this.operation = operations[request.operation]
  }
}

const operations: Readonly<Record<Request['operation'], AclOperation>> = {
  read: 'read',
  list: 'list',
  scan: 'scan',
  write: 'update',
  patch: 'patch',
  delete: 'delete',
  help: 'help',
}
