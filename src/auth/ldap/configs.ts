import { Fault } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { answer, done } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import { changedConfig, configFields, hiddenConfigFields } from './config-fields.ts'
import { configKey, configShape, rendered } from './config.ts'
import type { Ldap } from './mount.ts'

const { read, write } = routesOf<Ldap>()

/** `config`. */
export const configRoutes = [
  read('config', {
    about: 'Read the configuration, without the password and the private key.',
    returns: { ...configFields, url: f.string('The addresses, with commas between them.') },
    handle: async ({ engine }) => {
      const config = await engine.view.get(configKey, configShape)
      if (!config) throw new Fault('not_found', 'no configuration')
      return answer(rendered(config))
    },
  }),
  write('config', {
    about: 'Set or change the configuration.',
    fields: { ...configFields, ...hiddenConfigFields },
    handle: async ({ engine }, values) => {
      await engine.view.transaction(async (tx) => {
        const old = await tx.get(configKey, configShape)
        tx.put(configKey, await changedConfig(old, values))
      })
      return done()
    },
  }),
]
