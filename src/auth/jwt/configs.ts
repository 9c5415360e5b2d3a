import { Fault } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { answer, done } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import { configFields, configKey, configShape, newConfig, rendered } from './config.ts'
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
    about: 'Replace the configuration.',
    fields: configFields,
    handle: async ({ engine }, values) => {
      await engine.view.put(configKey, newConfig(values))
      return done()
    },
  }),
]
