import { refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import type { Values } from '../../contract/field.ts'
import { changedTokenParams, noTokenParams, tokenParamFields } from '../../contract/token-params.ts'
import { checkConfig } from './config-checks.ts'
import { dereferencing, tlsVersions } from './config.ts'
import type { Config } from './config.ts'
import { defaultGroupFilter, defaultUserFilter } from './filter.ts'

/** The fields of a configuration that its route shows. */
export const configFields = {
  url: f.list('Addresses of LDAP servers, tried in this order: ldaps://ldap.example.com.'),
  starttls: f.bool('Begin TLS on ldap:// connections before anything else.').limiting().initially(false),
  insecure_tls: f.bool('Only false: certificates of servers are always verified.'),
  tls_min_version: f.string('The lowest version of TLS: tls12 or tls13.').limiting().initially('tls12'),
  tls_max_version: f.string('The highest version of TLS: tls12 or tls13.').limiting().initially('tls13'),
  certificate: f.string('The CAs to trust, PEM; those of the system when left out.').limiting(),
  client_tls_cert: f.string('A certificate to show to servers, PEM.'),
  binddn: f.string('The account that searches for users and groups.'),
  discoverdn: f.bool('Search for users without an account.').initially(false),
  deny_null_bind: f.bool('Only true: a login needs a password.'),
  userdn: f.string('Where users are: ou=people,dc=example,dc=org.').limiting(),
  userattr: f.string('The attribute that has the name of a user.').limiting().initially('cn'),
  userfilter: f.string('The filter that finds a user, with {{.UserAttr}} and {{.Username}}.').limiting().initially(defaultUserFilter), // prettier-ignore
  upndomain: f.string('Users log in as NAME@DOMAIN (Active Directory).'),
  groupdn: f.string('Where groups are: ou=groups,dc=example,dc=org.').limiting(),
  groupfilter: f.string('The filter that finds the groups of a user, with {{.UserDN}} and {{.Username}}; empty: none.').initially(defaultGroupFilter), // prettier-ignore
  groupattr: f.string('The attribute that has the name of a group: cn, or memberOf of the user.').limiting().initially('cn'), // prettier-ignore
  anonymous_group_search: f.bool('Search for groups without an account.').initially(false),
  use_token_groups: f.bool('Read the groups from tokenGroups of the user (Active Directory), nested ones included.').initially(false), // prettier-ignore
  username_as_alias: f.bool('The alias of an entity is the name of the login.').initially(false),
  case_sensitive_names: f.bool('Only false: directories compare names without letter case.'),
  max_page_size: f.int('Groups of one page of a search; 0: no pages.').initially(0),
  connection_timeout: f.duration('How long a connection may take, 30 seconds at most.').limiting().initially(5),
  request_timeout: f.duration('How long the requests of one login may take, 90 seconds at most.').limiting().initially(5), // prettier-ignore
  dereference_aliases: f.string('When aliases are followed: never, finding, searching or always.').initially('never'),
  ...tokenParamFields,
}

/** The fields that are not shown. */
export const hiddenConfigFields = {
  bindpass: f.string('The password of that account.').secret(),
  client_tls_key: f.string('The private key of that certificate, PEM.').secret(),
}

/** Values of these fields; undefined: left out. */
type ConfigValues = Values<typeof configFields & typeof hiddenConfigFields>

/** What a configuration begins with. */
const initial: Config = {
  urls: [],
  startTls: false,
  tlsMin: 'tls12',
  tlsMax: 'tls13',
  ca: '',
  clientCert: '',
  clientKey: '',
  bindDn: '',
  bindPass: '',
  discoverDn: false,
  userDn: '',
  userAttr: 'cn',
  userFilter: defaultUserFilter,
  upnDomain: '',
  groupDn: '',
  groupFilter: defaultGroupFilter,
  groupAttr: 'cn',
  anonymousGroupSearch: false,
  useTokenGroups: false,
  usernameAsAlias: false,
  pageSize: 0,
  connectionTimeout: 5,
  requestTimeout: 5,
  dereference: 'never',
  params: noTokenParams,
}

/** Members of a configuration that are as they were sent. */
const asSent = {
  urls: 'url',
  startTls: 'starttls',
  ca: 'certificate',
  clientCert: 'client_tls_cert',
  clientKey: 'client_tls_key',
  bindDn: 'binddn',
  bindPass: 'bindpass',
  discoverDn: 'discoverdn',
  userDn: 'userdn',
  userFilter: 'userfilter',
  upnDomain: 'upndomain',
  groupDn: 'groupdn',
  groupFilter: 'groupfilter',
  groupAttr: 'groupattr',
  anonymousGroupSearch: 'anonymous_group_search',
  useTokenGroups: 'use_token_groups',
  usernameAsAlias: 'username_as_alias',
  pageSize: 'max_page_size',
  connectionTimeout: 'connection_timeout',
  requestTimeout: 'request_timeout',
} as const satisfies Partial<Record<keyof Config, keyof ConfigValues>>

/** The configuration after a write; what was left out stays. @throws Fault invalid_request */
export async function changedConfig(old: Config | undefined, values: ConfigValues): Promise<Config> {
  refuseUnsafe(values)
  const base = old ?? initial
  const sent = Object.entries(asSent).flatMap(([name, field]) => (values[field] === undefined ? [] : [[name, values[field]]])) // prettier-ignore
  const config: Config = {
    ...base,
    ...(Object.fromEntries(sent) as Partial<Config>),
    userAttr: (values.userattr ?? base.userAttr).toLowerCase(),
    tlsMin: oneOf('tls_min_version', values.tls_min_version, tlsVersions) ?? base.tlsMin,
    tlsMax: oneOf('tls_max_version', values.tls_max_version, tlsVersions) ?? base.tlsMax,
    dereference: oneOf('dereference_aliases', values.dereference_aliases, dereferencing) ?? base.dereference,
    params: changedTokenParams(base.params, values),
  }
  await checkConfig(config)
  return config
}

function oneOf<T extends string>(field: string, value: string | undefined, allowed: Record<T, unknown>): T | undefined {
  if (value === undefined) return undefined
  if (!Object.hasOwn(allowed, value)) throw refuse(`invalid '${field}': use ${Object.keys(allowed).join(', ')}`)
  return value as T
}

function refuseUnsafe(values: ConfigValues): void {
  if (values.insecure_tls)
    throw refuse("'insecure_tls' is not supported: anybody on the way could read passwords. Set certificate to the CA of the servers") // prettier-ignore
  if (values.deny_null_bind === false)
    throw refuse("'deny_null_bind' can only be true: servers accept a bind without a password for every user")
  if (values.case_sensitive_names)
    throw refuse("'case_sensitive_names' is not supported: directories compare names without letter case, so that one user would be several here") // prettier-ignore
}
