import { isObject } from '../../util/stored/shape.ts'
import type { Claims } from '../../crypto/jwt/token.ts'

/** The service account that a token is of, as the token says it. */
export interface ServiceAccount {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  /** Of tokens that Kubernetes keeps in secrets; else empty. */
  readonly secretName: string
}

/** A name of Kubernetes (RFC 1123): what stands in addresses and metadata is nothing else. */
export const isNamespace = (value: unknown): value is string =>
  typeof value === 'string' && /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(value)
const isObjectName = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= 253 && /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/.test(value)
const isUid = (value: unknown): value is string => typeof value === 'string' && /^[\w-]{1,128}$/.test(value)

/** The account of a token: of a projected one (`kubernetes.io`), or of an older one that lies in a secret. Undefined: of none. */
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
