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
      handle: async () => ({ plain: { initialized: (await manager.status()).initialised } }),
    }),
    write('init', {
      ...operator,
      about: 'Initialise: generate the root key, its shares, and the first root token.',
      returns: body({
        keys: f.list('The shares, hex; encrypted if PGP keys were given.').secret(),
        keys_base64: f.list('The same, base64.').secret(),
        root_token: f.string('The root token; encrypted if a PGP key was given.').secret(),
      }),
      fields: {
        secret_shares: f.any('How many shares.'),
        secret_threshold: f.any('How many of them unseal the server.'),
        pgp_keys: f.any('PGP public keys, base64, one for each share: each share is encrypted for one of them.'),
        root_token_pgp_key: f.any('The PGP public key, base64, that the root token is encrypted for.'),
        stored_shares: f.any('Ignored.'),
      },
      handle: async ({ request }, values) =>
        initialise(
          manager,
          strictInt('secret_shares', values.secret_shares),
          strictInt('secret_threshold', values.secret_threshold),
          {
            pgpKeys: strictStrings('pgp_keys', values.pgp_keys),
            rootTokenPgpKey: strictString('root_token_pgp_key', values.root_token_pgp_key),
          },
          request.data,
        ),
    }),
  ]
}

async function initialise(
  manager: SealPort,
  shares: number,
  threshold: number,
  keys: Parameters<SealPort['initialise']>[2],
  data: Readonly<Record<string, unknown>>,
): Promise<Response> {
  const foreign = ['recovery_shares', 'recovery_threshold', 'recovery_pgp_keys'].filter((name) => data[name])
  if (foreign.length > 0) throw refuse(`parameters ${foreign.join(',')} not applicable to seal type shamir`)
  manager.checkCounts(shares, threshold)
  const result = await manager.initialise(shares, threshold, keys)
  return {
    plain: { keys: result.shares.map(hex), keys_base64: result.shares.map(base64), root_token: result.rootToken },
  }
}
