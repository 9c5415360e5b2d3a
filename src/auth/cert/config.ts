import { refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { answer, done } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import type { View } from '../../contract/view.ts'
import { isFlag, isWhole, orAbsent, shapeOf } from '../../util/stored/shape.ts'
import type { Cert } from './mount.ts'

const { read, write } = routesOf<Cert>()

/** The configuration of a mount as stored, at `config`. */
export interface Config {
  /** Renewals need no certificate. */
  readonly disableBinding: boolean
  /** The metadata of logins becomes that of the entity's alias, too. */
  readonly aliasMetadata: boolean
  /** Statuses of certificates that are kept; absent: as few as can be set. */
  readonly ocspCacheSize?: number
}

/** The most statuses that can be kept. */
const largestCache = 100_000

const configShape = shapeOf<Config>('the configuration of a cert mount', {
  disableBinding: isFlag,
  aliasMetadata: isFlag,
  ocspCacheSize: orAbsent(isWhole(0, largestCache)),
})
const defaults: Config = { disableBinding: false, aliasMetadata: false }

/** The configuration of a mount; the defaults until it is written. */
export const configOf = async (view: View): Promise<Config> => (await view.get('config', configShape)) ?? defaults

const fields = {
  disable_binding: f.bool('Renew tokens without the certificate of their login.').initially(false),
  enable_identity_alias_metadata: f
    .bool('Store the metadata of logins with the alias of the entity, too.')
    .initially(false),
  ocsp_cache_size: f.int('How many OCSP statuses are kept in memory; 100 at least.').initially(0),
}

/** `config`. */
export const configRoutes = [
  read('config', {
    about: 'Read the configuration.',
    returns: fields,
    handle: async ({ engine }) => {
      const { disableBinding, aliasMetadata, ocspCacheSize } = await configOf(engine.view)
      return answer({
        disable_binding: disableBinding,
        enable_identity_alias_metadata: aliasMetadata,
        ocsp_cache_size: ocspCacheSize ?? 0,
      })
    },
  }),
  write('config', {
    about: 'Change the configuration.',
    fields,
    handle: async ({ engine }, values) => {
      const size = values.ocsp_cache_size
      if (size !== undefined && (size < 2 || size > largestCache))
        throw refuse(`'ocsp_cache_size' must be from 2 to ${largestCache}`)
      await engine.view.transaction(async (tx) => {
        const old = (await tx.get('config', configShape)) ?? defaults
        tx.put('config', {
          disableBinding: values.disable_binding ?? old.disableBinding,
          aliasMetadata: values.enable_identity_alias_metadata ?? old.aliasMetadata,
          ocspCacheSize: size ?? old.ocspCacheSize ?? 0,
        } satisfies Config)
      })
      return done()
    },
  }),
]
