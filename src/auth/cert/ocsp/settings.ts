import { refuse } from '../../../contract/fault.ts'
import { f } from '../../../contract/field.ts'
import type { Values } from '../../../contract/field.ts'
import { areCertificates } from '../../../crypto/encoding/pem.ts'
import { hasMembers, isFlag, isListOf, isName, isText, orNull } from '../../../util/stored/shape.ts'
import { mostServers, serverProblem } from './servers.ts'

/** The OCSP settings of a role (RFC 6960). */
export interface OcspSettings {
  readonly enabled: boolean
  /** PEM of CAs for https:// servers, in addition to those of Node. Not for signatures of responses: those depend on the issuer only. */
  readonly ca: string
  /** Empty or null: the servers of the certificate. */
  readonly servers: readonly string[] | null
  /** Accept the login if no server gives a status. */
  readonly failOpen: boolean
  /** Query all servers: each must report the certificate as good. */
  readonly queryAll: boolean
}

export const noOcsp: OcspSettings = { enabled: false, ca: '', servers: null, failOpen: false, queryAll: false }

/** Whether a stored value is an `OcspSettings`. */
export const isOcspSettings = (value: unknown): boolean =>
  hasMembers<OcspSettings>(value, {
    enabled: isFlag,
    ca: isText,
    servers: orNull(isListOf(isName)),
    failOpen: isFlag,
    queryAll: isFlag,
  })

/** The OCSP fields of a role. */
export const ocspFields = {
  ocsp_enabled: f.bool('Query an OCSP server at each login whether the certificate was revoked.').initially(false),
  ocsp_ca_certificates: f
    .string('PEM of the authorities of https:// OCSP servers, in addition to those of the system.')
    .initially(''),
  ocsp_servers_override: f.list('URLs of OCSP servers; those of the certificate by default.').limiting(),
  ocsp_fail_open: f.bool('Accept the login if no server gives the status.').initially(false),
  ocsp_query_all_servers: f.bool('Query all servers: each must report the certificate as good.').initially(false),
}

/** The settings after a write; fields that were not sent are unchanged. @throws Fault invalid_request */
export function changedOcsp(old: OcspSettings, values: Partial<Values<typeof ocspFields>>): OcspSettings {
  const next: OcspSettings = {
    enabled: values.ocsp_enabled ?? old.enabled,
    ca: values.ocsp_ca_certificates ?? old.ca,
    servers: values.ocsp_servers_override ?? old.servers,
    failOpen: values.ocsp_fail_open ?? old.failOpen,
    queryAll: values.ocsp_query_all_servers ?? old.queryAll,
  }
  if (next.ca !== '' && !areCertificates(next.ca))
    throw refuse("'ocsp_ca_certificates' must be certificates in PEM format")
  const servers = next.servers ?? []
  if (servers.length > mostServers) throw refuse(`'ocsp_servers_override' can have at most ${mostServers} URLs`)
  for (const url of servers) {
    const problem = serverProblem(url)
    if (problem !== undefined) throw refuse(`'ocsp_servers_override' cannot be used: ${problem}`)
  }
  return next
}

/** The settings as in a response. */
export const renderedOcsp = (settings: OcspSettings): Readonly<Record<string, unknown>> => ({
  ocsp_ca_certificates: settings.ca,
  ocsp_enabled: settings.enabled,
  ocsp_fail_open: settings.failOpen,
  ocsp_query_all_servers: settings.queryAll,
  ocsp_servers_override: settings.servers,
})
