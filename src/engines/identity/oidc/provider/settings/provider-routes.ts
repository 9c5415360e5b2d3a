import { refuse } from '../../../../../contract/fault.ts'
import { f } from '../../../../../contract/field.ts'
import type { Values } from '../../../../../contract/field.ts'
import { answer, done } from '../../../../../contract/response.ts'
import type { Response } from '../../../../../contract/response.ts'
import { routesOf } from '../../../../../contract/route.ts'
import type { Call } from '../../../../../contract/route.ts'
import { pageFields } from '../../../../../contract/wire/page.ts'
import type { Identity } from '../../../identity.ts'
import { infoOf, listed, mustExist } from '../../../routes/shared.ts'
import { namesWith } from '../../all-in.ts'
import { checkedIssuer, issuerWarning, urlOrEmpty } from '../../issuer.ts'
import { atOidc, canonicalName, nameField } from '../../names.ts'
import { conflictIn } from '../claims.ts'
import { allowsClient, defaultProviderName, providerNamed, scopeShape } from './records.ts'
import type { OidcProvider } from './records.ts'

const { read, list, write, remove } = routesOf<Identity>()

const name = nameField('provider')
const settings = {
  issuer: f.string('Scheme, host and port of its `iss`; empty: those of the server.'),
  allowed_client_ids: f.list('The ids of the clients that may use it; `*` for all.'),
  scopes_supported: f.list('The scopes that clients can request, in addition to openid.'),
}

/** `oidc/provider`: the OpenID providers for clients. */
export const providerRoutes = [
  list('oidc/provider', {
    about: 'List providers.',
    fields: {
      ...pageFields,
      allowed_client_id: f.string('Only list providers that the client with this id may use.').or(''),
    },
    returns: listed,
    handle: async ({ engine }, { allowed_client_id: id, ...page }) => {
      const found: (readonly [string, unknown])[] = []
      for (const named of await namesWith(engine.view, 'oidc-provider/', defaultProviderName, page)) {
        const provider = await providerNamed(engine.view, named)
        if (provider && (id === '' || allowsClient(provider, id))) found.push([named, shown(engine, named, provider)])
      }
      return answer(infoOf(found))
    },
  }),
  read('oidc/provider/:name', {
    about: 'Read a provider.',
    canonical: canonicalName,
    fields: name,
    returns: settings,
    handle: async ({ engine }, { name: named }) =>
      answer(shown(engine, named, mustExist(await providerNamed(engine.view, named)))),
  }),
  write('oidc/provider/:name', {
    about: 'Create or change a provider.',
    canonical: canonicalName,
    fields: { ...name, ...settings },
    exists: async ({ engine }, { name: named = '' }) => (await providerNamed(engine.view, named)) !== undefined,
    handle: async (call, values) => setProvider(call, values),
  }),
  remove('oidc/provider/:name', {
    about: 'Remove a provider. Its codes and access tokens are refused from then on.',
    canonical: canonicalName,
    fields: name,
    handle: async ({ engine }, { name: named }) => {
      if (named === defaultProviderName) throw refuse(`deletion of OIDC provider "${named}" not allowed`)
      await engine.view.del(atOidc.provider(named))
      return done()
    },
  }),
]

function shown(identity: Identity, named: string, { issuer, allowedClients, scopes }: OidcProvider) {
  const address = urlOrEmpty(identity, issuer)
  return {
    issuer: address === '' ? '' : `${address}/provider/${named}`,
    allowed_client_ids: allowedClients,
    scopes_supported: scopes,
  }
}

async function setProvider(
  { engine, confirm }: Call<Identity>,
  values: Values<typeof settings & typeof name>,
): Promise<Response> {
  const issuer = values.issuer === undefined ? undefined : checkedIssuer(values.issuer)
  const conflict = await engine.view.transaction(async (tx) => {
    const old = await providerNamed(tx, values.name)
    confirm(old !== undefined)
    const id = old ? old.id : engine.uuid()
    const next: OidcProvider = {
      ...(id !== undefined && { id }),
      issuer: issuer ?? old?.issuer ?? '',
      allowedClients: [...new Set(values.allowed_client_ids ?? old?.allowedClients ?? [])],
      scopes: [...new Set(values.scopes_supported ?? old?.scopes ?? [])],
    }
    for (const scope of values.scopes_supported ?? [])
      if (!(await tx.get(atOidc.scope(scope), scopeShape))) throw refuse(`scope "${scope}" does not exist`)
    tx.put(atOidc.provider(values.name), next)
    return conflictIn(tx, next.scopes)
  })
  const warnings = issuer ? [issuerWarning] : []
  if (conflict)
    warnings.push(`Found scope templates with conflicting top-level keys: conflict "${conflict.claim}" in scopes "${conflict.scopes[0]}", "${conflict.scopes[1]}". This may result in an error if the scopes are requested in an OIDC Authentication Request.`) // prettier-ignore
  return done(warnings)
}
