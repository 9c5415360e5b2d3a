import type { HasPublished } from '../../../contract/route.ts'
import type { Identity } from '../identity.ts'

const hasAny =
  (folder: string): HasPublished<Identity> =>
  async ({ view }) =>
    (await view.list(folder, { limit: 1 })).length > 0

/** Whether a namespace has published the issuer of identity tokens: it has roles. */
export const hasRoles = hasAny('oidc-role/')

/** Whether a namespace has published its providers: it has clients. */
export const hasClients = hasAny('oidc-client/')
