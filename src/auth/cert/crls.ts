import { Fault, refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { isPathName } from '../../contract/names.ts'
import { answer, done } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import type { View } from '../../contract/view.ts'
import { namesIn, pageFields } from '../../contract/wire/page.ts'
import { keys } from '../../contract/wire/returns.ts'
import { perObject } from '../../util/caches/per-object.ts'
import { isListOf, isName, shapeOf } from '../../util/stored/shape.ts'
import type { Cert } from './mount.ts'
import { canonical } from './role.ts'
import type { Certificate } from './x509/certificate.ts'
import { mostRevoked, revokedSerials } from './x509/crl.ts'

const { read, list, write, remove } = routesOf<Cert>()

/** A revocation list as stored, at `crl/<name>`. */
interface RevocationList {
  /** Serial numbers, decimal. */
  readonly serials: readonly string[]
}

const crlShape = shapeOf<RevocationList>('a revocation list', { serials: isListOf(isName) })
const serialsOf = perObject(({ serials }: RevocationList): ReadonlySet<string> => new Set(serials))

/**
 * Whether a list of the mount revokes one of these certificates. Serial numbers count, whichever authority made the list, and
 * whether or not the list has expired: as in OpenBao, a list counts until it is removed.
 */
export async function isRevoked(view: View, certificates: readonly Certificate[]): Promise<boolean> {
  for (const name of await view.list('crl/')) {
    const crl = await view.get(`crl/${name}`, crlShape)
    if (crl && certificates.some(({ serial }) => serialsOf(crl).has(serial))) return true
  }
  return false
}

/** @throws Fault unsupported_path for what cannot be a name */
function keyOf(name: string): string {
  if (!isPathName(name)) throw new Fault('unsupported_path', 'unsupported path')
  return `crl/${name}`
}

const noList = (name: string): Fault => refuse(`no such CRL ${name}`)
const crlName = { name: f.string('Name of the revocation list.').or('') }

/** `crls` and `crls/:name`. */
export const crlRoutes = [
  list('crls', {
    about: 'List revocation lists.',
    returns: keys('The names.'),
    fields: pageFields,
    handle: async ({ engine }, page) => {
      return answer({ keys: await namesIn(engine.view, 'crl/', 'no revocation lists', page) })
    },
  }),
  read('crls/:name', {
    about: 'Read a revocation list.',
    canonical,
    fields: crlName,
    returns: { serials: f.object('The serial numbers of revoked certificates, decimal, each with an empty object.') },
    handle: async ({ engine }, { name }) => {
      const crl = await engine.view.get(keyOf(name), crlShape)
      if (!crl) throw noList(name)
      return answer({ serials: Object.fromEntries(crl.serials.map((serial) => [serial, {}])) })
    },
  }),
  write('crls/:name', {
    about: 'Create or replace a revocation list (CRL). It counts until it is removed, even when it has expired.',
    canonical,
    fields: {
      ...crlName,
      crl: f.string('The list, PEM.'),
      url: f.string('Not supported: write the list itself to crl.'),
    },
    handle: async ({ engine }, { name, crl, url }) => {
      const key = keyOf(name)
      if (url !== undefined && crl === undefined)
        throw refuse(url === '' ? 'empty CRL url' : "'url' is not supported: fetch the list, and write it to 'crl'")
      if (url !== undefined && url !== '') throw refuse("'url' is not supported: write the list itself to 'crl'")
      if (crl === undefined) throw refuse("'crl' must be provided: the revocation list, PEM")
      const serials = await revokedSerials(crl)
      if (!serials)
        throw refuse(`failed to parse CRL: it is no PEM of one revocation list ("-----BEGIN X509 CRL-----"), or has more than ${mostRevoked} certificates`) // prettier-ignore
      await engine.view.put(key, { serials } satisfies RevocationList)
      return done()
    },
  }),
  remove('crls/:name', {
    about: 'Remove a revocation list: its certificates are not revoked any more.',
    canonical,
    fields: crlName,
    handle: async ({ engine }, { name }) => {
      const key = keyOf(name)
      await engine.view.transaction(async (tx) => {
        if (!(await tx.get(key))) throw noList(name)
        tx.del(key)
      })
      return done()
    },
  }),
]
