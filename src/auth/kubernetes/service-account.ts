import { isObject } from '../../util/stored/shape.ts'
import type { Claims } from '../../crypto/jwt/token.ts'

/** The service account in the claims of a token. */
export interface ServiceAccount {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  /** Set for tokens that Kubernetes keeps in secrets; otherwise empty. */
  readonly secretName: string
}

/** A name of Kubernetes (RFC 1123); only such names are used in URLs and metadata. */
const isNamespace = (value: unknown): value is string =>
  typeof value === 'string' && /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(value)
const isObjectName = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= 253 && /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/.test(value)
const isUid = (value: unknown): value is string => typeof value === 'string' && /^[\w-]{1,128}$/.test(value)

/** The account of a token: a projected one (`kubernetes.io`), or an older one from a secret. Undefined: none. */
export function accountOf(claims: Claims): ServiceAccount | undefined {
  const { namespace, name, uid, secretName = '' } = projected(claims) ?? older(claims)
  if (!isNamespace(namespace) || !isObjectName(name) || !isUid(uid)) return undefined
  return secretName === '' || isObjectName(secretName) ? { namespace, name, uid, secretName } : undefined
}

type Named = Readonly<Record<'namespace' | 'name' | 'uid' | 'secretName', unknown>>

function projected(claims: Claims): Named | undefined {
  const own = Object.hasOwn(claims, 'kubernetes.io') ? claims['kubernetes.io'] : undefined
  if (own === undefined) return undefined
  const { namespace, serviceaccount } = isObject(own) ? own : {}
  const { name, uid } = isObject(serviceaccount) ? serviceaccount : {}
  return { namespace, name, uid, secretName: '' }
}

function older(claims: Claims): Named {
  const claim = (name: string): unknown => claims[`kubernetes.io/serviceaccount/${name}`]
  return {
    namespace: claim('namespace'),
    name: claim('service-account.name'),
    uid: claim('service-account.uid'),
    secretName: claim('secret.name'),
  }
}
