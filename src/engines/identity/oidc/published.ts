import type { HasPublished } from '../../../contract/route.ts'
import type { Identity } from '../identity.ts'

const isNotEmpty =
  (folder: string): HasPublished<Identity> =>
  async ({ view }) =>
    (await view.list(folder, { limit: 1 })).length > 0

/** Whether a namespace publishes the issuer of identity tokens: it does if it has roles. */
export const hasRoles = isNotEmpty('oidc-role/')

/** Whether a namespace publishes its providers: it does if it has clients. */
export const hasClients = isNotEmpty('oidc-client/')
