import { Fault, refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { answer, done } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import { configFields, hiddenConfigFields, newConfig } from './config-fields.ts'
import { configKey, configShape, rendered } from './config.ts'
import type { Config } from './config.ts'
import { ProviderError } from '../../util/http/provider.ts'
import { fetchPublished } from './keys/key-set.ts'
import type { Jwt } from './mount.ts'

const { read, write } = routesOf<Jwt>()

/** `config`. */
export const configRoutes = [
  read('config', {
    about: 'Read the configuration.',
    returns: { ...configFields, status: f.string('valid.') },
    handle: async ({ engine }) => {
      const config = await engine.view.get(configKey, configShape)
      if (!config) throw new Fault('not_found', 'no configuration')
      return answer(rendered(config))
    },
  }),
  write('config', {
    about: 'Replace the configuration. The keys are fetched once, before it is stored.',
    fields: { ...configFields, ...hiddenConfigFields },
    handle: async ({ engine }, values) => {
      const config = newConfig(values)
      if (!values.skip_jwks_validation) await mustBeFetchable(engine, config)
      await engine.view.put(configKey, config)
      return done()
    },
  }),
]

/** @throws Fault invalid_request, with the reason, when the keys cannot be fetched */
async function mustBeFetchable({ clock }: Jwt, { remote }: Config): Promise<void> {
  if (!remote) return
  const source = remote.by === 'jwks' ? 'jwks URL' : 'oidc discovery URL'
  const { keys } = await fetchPublished(clock, remote).catch((thrown: unknown) => {
    throw thrown instanceof ProviderError ? refuse(`error checking ${source}: ${thrown.message}`) : thrown
  })
  if (keys.length === 0) throw refuse(`error checking ${source}: there is no key to verify signatures`)
}
