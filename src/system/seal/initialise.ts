import { refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import type { Response } from '../../contract/response.ts'
import { body } from '../../contract/wire/returns.ts'
import { routesOf } from '../../contract/route.ts'
import type { Route } from '../../contract/route.ts'
import { base64, hex } from '../../util/bytes.ts'
import { strictInt, strictString, strictStrings } from './key-input.ts'
import type { SealPort } from './seal-port.ts'
import { operator } from './operator-access.ts'

const { read, write } = routesOf<unknown>()

/** `sys/init`. */
export function initRoutes(manager: SealPort): Route<unknown>[] {
  return [
    read('init', {
      ...operator,
      about: 'Whether the server is initialised.',
      returns: body({ initialized: f.bool('It is initialised.') }),
      handle: async () => ({ data: { initialized: (await manager.status()).initialised } }),
    }),
    write('init', {
      ...operator,
      about: 'Initialise: generate the root key, its shares, and the first root token.',
      returns: body({
        keys: f.list('The shares, hex; encrypted if PGP keys were given.').secret(),
        keys_base64: f.list('The same, base64.').secret(),
        recovery_keys: f.list('The recovery shares, hex, where a seal unseals the server.').secret(),
        recovery_keys_base64: f.list('The same, base64.').secret(),
        root_token: f.string('The root token; encrypted where a PGP key was given.').secret(),
      }),
      fields: {
        secret_shares: f.any('How many shares.'),
        secret_threshold: f.any('How many of them unseal the server.'),
        pgp_keys: f.any('PGP public keys, base64, one for each share: each share is encrypted for one of them.'),
        root_token_pgp_key: f.any('The PGP public key, base64, that the root token is encrypted for.'),
        recovery_shares: f.any('How many recovery shares, where a seal of the configuration unseals the server.'),
        recovery_threshold: f.any('How many of them authorise operations.'),
        recovery_pgp_keys: f.any('As `pgp_keys`, for recovery shares.'),
        stored_shares: f.any('Ignored.'),
      },
      handle: async (_, values) => initialise(manager, values),
    }),
  ]
}

/** The parameters of init: one family for shares of the unseal key, one for recovery shares. */
const shareNames = { shares: 'secret_shares', threshold: 'secret_threshold', pgpKeys: 'pgp_keys' } as const
const recoveryNames = {
  shares: 'recovery_shares',
  threshold: 'recovery_threshold',
  pgpKeys: 'recovery_pgp_keys',
} as const

type Names = typeof shareNames | typeof recoveryNames
type InitValues = Readonly<Record<Names[keyof Names] | 'root_token_pgp_key', unknown>>

async function initialise(manager: SealPort, values: InitValues): Promise<Response> {
  const { type, isAuto } = await manager.status()
  const [own, foreign] = isAuto ? [recoveryNames, shareNames] : [shareNames, recoveryNames]
  const wrong = Object.values(foreign).filter((name) => values[name])
  if (wrong.length > 0) throw refuse(`parameters ${wrong.join(',')} not applicable to seal type ${type}`)
  const shares = strictInt(own.shares, values[own.shares])
  const threshold = strictInt(own.threshold, values[own.threshold])
  manager.checkCounts(shares, threshold)
  const result = await manager.initialise(shares, threshold, {
    pgpKeys: strictStrings(own.pgpKeys, values[own.pgpKeys]),
    rootTokenPgpKey: strictString('root_token_pgp_key', values.root_token_pgp_key),
  })
  const [keys, base64Keys] = [result.shares.map(hex), result.shares.map(base64)]
  const made = isAuto
    ? { keys: [], keys_base64: [], recovery_keys: keys, recovery_keys_base64: base64Keys }
    : { keys, keys_base64: base64Keys }
  return { data: { ...made, root_token: result.rootToken } }
}
