import { isTokenParams, renderedTokenParams } from '../../contract/token-params.ts'
import type { TokenParams } from '../../contract/token-params.ts'
import { isFlag, isListOf, isName, isOneOf, isText, isWhole, shapeOf } from '../../util/stored/shape.ts'

/** The versions of TLS that may be used. */
export const tlsVersions = { tls12: 'TLSv1.2', tls13: 'TLSv1.3' } as const
type TlsVersion = keyof typeof tlsVersions

/** When aliases in the directory are followed (RFC 4511 section 4.5.1.3), by the names of Vault; the values are those of ldapts. */
export const dereferencing = { never: 'never', finding: 'find', searching: 'search', always: 'always' } as const
type Dereferencing = keyof typeof dereferencing

/** The bounds of the times that a server has, seconds. */
export const longestConnection = 30
export const longestRequest = 90

/** The most addresses of servers. */
export const mostServers = 8

/** The configuration of a mount as stored, at `config`. Empty strings: not set. Times in seconds. */
export interface Config {
  /** Tried in this order. */
  readonly urls: readonly string[]
  readonly startTls: boolean
  readonly tlsMin: TlsVersion
  readonly tlsMax: TlsVersion
  /** PEM of the CAs to trust; empty: those of Node. */
  readonly ca: string
  /** PEM of the certificate that this server shows. */
  readonly clientCert: string
  readonly clientKey: string
  /** The account that searches; both are set, or none. */
  readonly bindDn: string
  readonly bindPass: string
  readonly discoverDn: boolean
  readonly userDn: string
  /** In lower case. */
  readonly userAttr: string
  readonly userFilter: string
  readonly upnDomain: string
  readonly groupDn: string
  /** Empty: groups are not searched. */
  readonly groupFilter: string
  readonly groupAttr: string
  readonly anonymousGroupSearch: boolean
  readonly useTokenGroups: boolean
  readonly usernameAsAlias: boolean
  /** 0: results are not paged. */
  readonly pageSize: number
  readonly connectionTimeout: number
  readonly requestTimeout: number
  readonly dereference: Dereferencing
  readonly params: TokenParams
}

/** The shape of that record. */
export const configShape = shapeOf<Config>(
  'a configuration of LDAP logins',
  {
    urls: isListOf(isName),
    startTls: isFlag,
    tlsMin: isOneOf(...Object.keys(tlsVersions)),
    tlsMax: isOneOf(...Object.keys(tlsVersions)),
    ca: isText,
    clientCert: isText,
    clientKey: isText,
    bindDn: isText,
    bindPass: isText,
    discoverDn: isFlag,
    userDn: isText,
    userAttr: isName,
    userFilter: isName,
    upnDomain: isText,
    groupDn: isText,
    groupFilter: isText,
    groupAttr: isName,
    anonymousGroupSearch: isFlag,
    useTokenGroups: isFlag,
    usernameAsAlias: isFlag,
    pageSize: isWhole(0, 10_000),
    connectionTimeout: isWhole(1, longestConnection),
    requestTimeout: isWhole(1, longestRequest),
    dereference: isOneOf(...Object.keys(dereferencing)),
    params: isTokenParams,
  },
  ({ urls, bindDn, bindPass }) => urls.length > 0 && (bindDn === '') === (bindPass === ''),
)

/** Where it is stored. */
export const configKey = 'config'

/** Whether users are searched for; otherwise their names are built from `userattr` or `upndomain`. */
export const isSearched = ({ bindDn, discoverDn }: Config): boolean => bindDn !== '' || discoverDn

/** A configuration as its route shows it, without the password and the private key. */
export function rendered(config: Config): Readonly<Record<string, unknown>> {
  return {
    url: config.urls.join(','),
    starttls: config.startTls,
    insecure_tls: false,
    tls_min_version: config.tlsMin,
    tls_max_version: config.tlsMax,
    certificate: config.ca,
    client_tls_cert: config.clientCert,
    binddn: config.bindDn,
    discoverdn: config.discoverDn,
    deny_null_bind: true,
    userdn: config.userDn,
    userattr: config.userAttr,
    userfilter: config.userFilter,
    upndomain: config.upnDomain,
    groupdn: config.groupDn,
    groupfilter: config.groupFilter,
    groupattr: config.groupAttr,
    anonymous_group_search: config.anonymousGroupSearch,
    use_token_groups: config.useTokenGroups,
    username_as_alias: config.usernameAsAlias,
    case_sensitive_names: false,
    max_page_size: config.pageSize,
    connection_timeout: config.connectionTimeout,
    request_timeout: config.requestTimeout,
    dereference_aliases: config.dereference,
    ...renderedTokenParams(config.params),
  }
}
