import { answer, done } from '../../../../contract/response.ts'
import { routesOf } from '../../../../contract/route.ts'
import { changedSettings, isGivenIn, settingFields } from '../input.ts'
import { configName } from '../record-names.ts'
import { settingsMembers, settingsView } from '../record.ts'
import type { Secrets } from '../secrets.ts'

const { read, write } = routesOf<Secrets>()

/** `config`: the mount's settings. */
export const configRoutes = [
  read('config', {
    about: 'Read the settings of the mount.',
    returns: settingsMembers,
    handle: async ({ engine }) => answer(settingsView(await engine.settings())),
  }),
  write('config', {
    about: 'Change the settings of the mount.',
    fields: settingFields,
    handle: async (call, values) => {
      const { engine } = call
      await engine.view.transaction(async (tx) => {
        tx.put(configName, changedSettings(await engine.settings(tx), values, isGivenIn(call), true))
      })
      return done()
    },
  }),
]
