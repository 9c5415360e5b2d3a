import type { TransitSealSettings } from '../../contract/seal.ts'
import type { HclItem, HclValue } from '../../util/hcl/values.ts'
import { addressProblem } from '../../util/http/provider.ts'
import type { Secret } from '../../util/secret.ts'
import type { Source } from '../source.ts'
import { fileOf, secretOf, secretOfEnvironment } from './content.ts'
import type { Reading } from './reading.ts'

/** `seal "transit"`. */
export function transitSeal(source: Source, { at }: HclItem): Reading {
  const draft: Partial<Record<'address' | 'key_name' | 'mount_path' | 'namespace' | 'tls_ca_cert', string>> = {}
  let token: Secret<string> | undefined
  let renews = true
  const text = (name: keyof typeof draft) => (value: HclValue) => void (draft[name] = source.string(value, name))
  return {
    settings: {
      address: (value) => {
        draft.address = source.string(value, 'address')
        const problem = addressProblem(draft.address)
        if (problem !== undefined) throw source.wrong(value.at, `address: ${problem}`)
      },
      key_name: text('key_name'),
      mount_path: (value) => {
        draft.mount_path = source.string(value, 'mount_path').replace(/^\/+|\/+$/g, '')
        if (draft.mount_path === '')
          throw source.wrong(value.at, 'mount_path is the path of the transit engine, such as "transit"')
      },
      namespace: text('namespace'),
      tls_ca_cert: text('tls_ca_cert'),
      token: (value) => void (token = secretOf(source, value, 'token')),
      disable_renewal: (value) => void (renews = !source.bool(value, 'disable_renewal')),
    },
    done: (common): TransitSealSettings => {
      const { address, key_name: key, mount_path: mount = 'transit', namespace = '', tls_ca_cert: caFile } = draft
      const given = token ?? secretOfEnvironment('BAO_TOKEN', 'VAULT_TOKEN')
      if (address === undefined || key === undefined || !given)
        throw source.wrong(
          at,
          'seal "transit" needs address, key_name and token (token = "file:///run/…", "env://NAME", or BAO_TOKEN or VAULT_TOKEN in the environment)',
        )
      const place = { address, key, mount, namespace }
      return { type: 'transit', ...common, ...place, token: given, renews, ca: caFile === undefined ? '' : fileOf(source, at, caFile, 'tls_ca_cert').toString('utf8') } // prettier-ignore
    },
  }
}
