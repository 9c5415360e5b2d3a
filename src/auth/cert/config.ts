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
  /** Tokens are renewed without a client certificate. */
  readonly disableBinding: boolean
  /** The metadata of a login is also stored with the alias of the entity. */
  readonly aliasMetadata: boolean
  /** The capacity of the OCSP cache, certificate statuses; absent: the minimum. */
  readonly ocspCacheSize?: number
}

/** The largest capacity of the OCSP cache. */
const maxCacheSize = 100_000

const configShape = shapeOf<Config>('the configuration of a cert mount', {
  disableBinding: isFlag,
  aliasMetadata: isFlag,
  ocspCacheSize: orAbsent(isWhole(0, maxCacheSize)),
})
const defaults: Config = { disableBinding: false, aliasMetadata: false }

/** The configuration of a mount; the defaults when none was written. */
export const configOf = async (view: View): Promise<Config> => (await view.get('config', configShape)) ?? defaults

const fields = {
  disable_binding: f.bool('Renew tokens without the client certificate of the login.').initially(false),
  enable_identity_alias_metadata: f
    .bool('Also store the metadata of a login with the alias of the entity.')
    .initially(false),
  ocsp_cache_size: f.int('Number of OCSP statuses to cache in memory; at least 100.').initially(0),
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
      if (size !== undefined && (size < 2 || size > maxCacheSize))
        throw refuse(`'ocsp_cache_size' must be from 2 to ${maxCacheSize}`)
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
