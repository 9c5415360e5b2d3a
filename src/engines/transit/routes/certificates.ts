import { refuse } from '../../../contract/fault.ts'
import { f } from '../../../contract/field.ts'
import { answer } from '../../../contract/response.ts'
import { routesOf } from '../../../contract/route.ts'
import { certificateChain } from '../../../crypto/encoding/certificates.ts'
import { heavy } from '../../../crypto/workers/heavy.ts'
import { native } from '../../../crypto/keys/pair-key.ts'
import { keyType } from '../../../crypto/keys/key-types.ts'
import { keyMembers } from '../members.ts'
import { shared } from '../input.ts'
import type { KeyRecord, KeyVersion } from '../../../keys/record.ts'
import { bytesOf } from '../../../keys/operations/ciphers.ts'
import type { Transit } from '../transit.ts'

const { write } = routesOf<Transit>()

const fields = { name: shared.name, version: f.int('The version. Default: the latest.') }
const missing = 'there is no key of that name: make or import it first'

/** `keys/:name/csr` and `keys/:name/set-certificate`: the certificate of a key. */
export const certificateRoutes = [
  write('keys/:name/csr', {
    about: 'Create a certificate request (PKCS#10) for a key.',
    returns: { name: keyMembers.name, type: keyMembers.type, csr: f.string('The request, PEM.') },
    pure: true,
    fields: { ...fields, csr: f.string('A request whose subject and extensions are copied, PEM.').or('') },
    handle: async ({ engine, isGiven }, { name, version, csr }) => {
      const key = await engine.keys.find(name)
      if (!key) throw refuse(missing)
      const number = versionFor(key.record, isGiven('version') ? (version ?? 0) : undefined)
      key.mustAllow('sign')
      key.used(number)
      const { privateKey } = key.pair(number, undefined)
      if (!privateKey) throw refuse('this version has no private key: only its public key was imported')
      return answer({
        name,
        type: key.record.type,
        csr: await heavy.run('certificateRequest', { key: native(privateKey), template: csr }),
      })
    },
  }),
  write('keys/:name/set-certificate', {
    about: 'Store the certificate chain of a key: its certificate, followed by those of its authorities.',
    returns: { name: keyMembers.name, type: keyMembers.type, certificate_chain: f.string('The certificates, PEM.') },
    fields: { ...fields, certificate_chain: f.string('The certificates, PEM, that of the key first.').or('') },
    handle: async ({ engine, isGiven }, { name, version, certificate_chain: chain }) => {
      if (chain === '') throw refuse('certificate_chain is missing: the certificates in PEM, that of the key first')
      const changed = await engine.keys.change(name, missing, (key) => {
        const number = versionFor(key, isGiven('version') ? (version ?? 0) : undefined)
        const stored = key.versions[number] as KeyVersion
        const certificates = certificateChain(chain, bytesOf(stored.open ?? ''))
        return { ...key, versions: { ...key.versions, [number]: { ...stored, certificates } } }
      })
      return answer({ name, type: (changed as KeyRecord).type, certificate_chain: chain })
    },
  }),
]

/** The number of a version that can have a certificate: the latest unless one is named. 0, null and "" name none, as in Vault. */
function versionFor(key: KeyRecord, wanted: number = key.latest): number {
  if (!keyType(key.type).uses.includes('sign')) throw refuse(`keys of type ${key.type} cannot have certificates`)
  if (key.kdf !== null) throw refuse('a derived key has a public key for each context: none can have a certificate')
  if (wanted < key.minDecryption || !key.versions[wanted]) {
    throw refuse(`the key has no version ${wanted} that is in use: leave version out for the latest`)
  }
  return wanted
}
