import { Fault, refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { isPathName } from '../../contract/names.ts'
import { answer, done } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import { namesIn, pageFields } from '../../contract/wire/page.ts'
import { keys } from '../../contract/wire/returns.ts'
import { rfc3339 } from '../../util/clock.ts'
import { ListError, fetchedList, listAddressProblem } from './fetched-list.ts'
import type { Cert } from './mount.ts'
import { crlShape } from './revocation.ts'
import type { StoredList } from './revocation.ts'
import { canonical } from './role.ts'
import { mostRevoked, revokedSerials } from './x509/crl.ts'

const { read, list, write, remove } = routesOf<Cert>()

/** The key of a list. @throws Fault unsupported_path for an invalid name */
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
    returns: {
      serials: f.object('The serial numbers of revoked certificates, decimal, each with an empty object.'),
      cdp: f.object('The url of a fetched list and valid_until, the time of the next fetch; absent for a list that was written.'), // prettier-ignore
    },
    handle: async ({ engine }, { name }) => {
      const crl = await engine.view.get(keyOf(name), crlShape)
      if (!crl) throw noList(name)
      const { source } = crl
      return answer({
        serials: Object.fromEntries(crl.serials.map((serial) => [serial, {}])),
        ...(source && { cdp: { url: source.url, valid_until: rfc3339(source.validUntil) } }),
      })
    },
  }),
  write('crls/:name', {
    about: 'Create or replace a revocation list (CRL). A list that is written is valid until it is removed, even after its expiry; a list of a URL is fetched again when it expires.', // prettier-ignore
    canonical,
    fields: {
      ...crlName,
      crl: f.string('The list in PEM format.'),
      url: f.string('The URL of the list, instead of the list itself.'),
    },
    handle: async ({ engine }, { name, crl, url }) => {
      const key = keyOf(name)
      if (crl !== undefined && url !== undefined) throw refuse("only one of 'crl' and 'url' can be given")
      if (url !== undefined) await engine.view.put(key, await listFrom(engine, url))
      else await engine.view.put(key, await parsedList(crl))
      return done()
    },
  }),
  remove('crls/:name', {
    about: 'Remove a revocation list: its certificates are no longer revoked.',
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

/** Fetches the list of a URL. @throws Fault invalid_request */
async function listFrom(engine: Cert, url: string): Promise<StoredList> {
  if (url === '') throw refuse('empty CRL url')
  const problem = listAddressProblem(url)
  if (problem !== undefined) throw refuse(`'url' cannot be used: ${problem}`)
  try {
    return await fetchedList(engine, url)
  } catch (thrown) {
    if (thrown instanceof ListError) throw refuse(`the list at 'url' cannot be used: ${thrown.message}`)
    throw thrown
  }
}

/** Parses a list in PEM format. @throws Fault invalid_request */
async function parsedList(crl: string | undefined): Promise<StoredList> {
  if (crl === undefined) throw refuse("one of 'crl' and 'url' must be provided")
  const serials = await revokedSerials(crl)
  if (!serials)
    throw refuse(`failed to parse CRL: it is not exactly one revocation list in PEM format ("-----BEGIN X509 CRL-----"), or it has more than ${mostRevoked} certificates`) // prettier-ignore
  return { serials }
}
