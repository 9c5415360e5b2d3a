import type { HclValue } from '../util/hcl/values.ts'
import type { Source } from './source.ts'
import type { WitnessConfig } from './types.ts'

/** `audit_witness "name" { url = …, key = … }`: a witness that cosigns checkpoints of the audit logs. */
export function witnessOf(source: Source, body: HclValue, name: string): WitnessConfig {
  if (body.kind !== 'object')
    throw source.wrong(body.at, 'an audit_witness block has a name: audit_witness "one" { … }')
  const draft: { url?: string; key?: string; caFile?: string } = {}
  const settings: Readonly<Record<string, (inner: HclValue) => void>> = {
    url: (inner) => void (draft.url = urlOf(source, inner)),
    key: (inner) => {
      draft.key = source.string(inner, 'key')
      if (!/^[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+=*$/u.test(draft.key))
        throw source.wrong(inner.at, 'key is the public key of the witness as it prints it: name+id+base64')
    },
    tls_ca_file: (inner) => void (draft.caFile = source.string(inner, 'tls_ca_file')),
  }
  source.each(source.items(body, 'audit_witness'), (inner) =>
    source.setting(settings, inner, 'audit_witness')(inner.value),
  )
  const { url, key, caFile } = draft
  if (url === undefined || key === undefined) throw source.wrong(body.at, 'an audit_witness needs url and key')
  return { name, url, key, ...(caFile !== undefined && { caFile }) }
}

function urlOf(source: Source, value: HclValue): string {
  const url = source.string(value, 'url')
  if (!URL.canParse(url) || !/^https?:\/\//.test(url)) throw source.wrong(value.at, 'url is an http or https address')
  return url
}
