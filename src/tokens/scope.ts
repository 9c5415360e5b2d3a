import { rootNamespace } from '../contract/identity.ts'
import type { NamespaceId } from '../contract/identity.ts'

/** The folder of the namespaces below root, one each by id. */
export const scopes = 'namespace/'

/** The folder in which the indexes of a namespace's tokens lie; '' for the root namespace. */
export const scopeOf = (namespace: NamespaceId): string => (namespace === rootNamespace ? '' : `${scopes}${namespace}/`)
