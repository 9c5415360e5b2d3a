import { refuse } from '../../../contract/fault.ts'
import { f } from '../../../contract/field.ts'
import type { Values } from '../../../contract/field.ts'
import { areCertificates } from '../../../crypto/encoding/pem.ts'
import { hasMembers, isFlag, isListOf, isName, isText, orNull } from '../../../util/stored/shape.ts'
import { mostServers, serverProblem } from './servers.ts'

/** How the status of certificates is asked (OCSP, RFC 6960). */
export interface OcspSettings {
  readonly enabled: boolean
  /** PEM; empty: only those of Node. For https:// servers: who signs a status is up to the issuer. */
  readonly ca: string
  /** Empty or null: those that the certificate names. */
  readonly servers: readonly string[] | null
  /** Without a status the login goes on. */
  readonly failOpen: boolean
  /** All servers have to say that the certificate is good. */
  readonly queryAll: boolean
}

export const noOcsp: OcspSettings = { enabled: false, ca: '', servers: null, failOpen: false, queryAll: false }

/** Whether it is such a record. */
export const isOcspSettings = (value: unknown): boolean =>
  hasMembers<OcspSettings>(value, {
    enabled: isFlag,
    ca: isText,
    servers: orNull(isListOf(isName)),
    failOpen: isFlag,
    queryAll: isFlag,
  })

/** Their fields. */
export const ocspFields = {
  ocsp_enabled: f.bool('Ask an OCSP server at each login whether the certificate was revoked.').initially(false),
  ocsp_ca_certificates: f
    .string('PEM: authorities of https:// OCSP servers, besides those of the system.')
    .initially(''),
  ocsp_servers_override: f
    .list('Addresses of OCSP servers; those that the certificate names when left out.')
    .limiting(),
  ocsp_fail_open: f.bool('Let clients in when no server tells the status.').initially(false),
  ocsp_query_all_servers: f.bool('Ask all servers: each has to say that the certificate is good.').initially(false),
}

/** The settings after a write; what was left out stays. @throws Fault invalid_request */
export function changedOcsp(old: OcspSettings, values: Partial<Values<typeof ocspFields>>): OcspSettings {
  const next: OcspSettings = {
    enabled: values.ocsp_enabled ?? old.enabled,
    ca: values.ocsp_ca_certificates ?? old.ca,
    servers: values.ocsp_servers_override ?? old.servers,
    failOpen: values.ocsp_fail_open ?? old.failOpen,
    queryAll: values.ocsp_query_all_servers ?? old.queryAll,
  }
  if (next.ca !== '' && !areCertificates(next.ca)) throw refuse("'ocsp_ca_certificates' is no certificate as PEM")
  const servers = next.servers ?? []
  if (servers.length > mostServers) throw refuse(`'ocsp_servers_override' has at most ${mostServers} addresses`)
  for (const url of servers) {
    const problem = serverProblem(url)
    if (problem !== undefined) throw refuse(`'ocsp_servers_override' cannot be used: ${problem}`)
  }
  return next
}

/** As the route of a role shows them. */
export const renderedOcsp = (settings: OcspSettings): Readonly<Record<string, unknown>> => ({
  ocsp_ca_certificates: settings.ca,
  ocsp_enabled: settings.enabled,
  ocsp_fail_open: settings.failOpen,
  ocsp_query_all_servers: settings.queryAll,
  ocsp_servers_override: settings.servers,
})
