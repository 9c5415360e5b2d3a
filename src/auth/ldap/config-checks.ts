import { createSecureContext } from 'node:tls'
import { refuse } from '../../contract/fault.ts'
import { addressOf } from './address.ts'
import { areCertificates } from '../../crypto/encoding/pem.ts'
import { isSearched, longestConnection, longestRequest, mostServers } from './config.ts'
import type { Config } from './config.ts'
import { checkTemplate } from './filter.ts'

/** Checks what belongs together in a configuration. @throws Fault invalid_request */
export async function checkConfig(config: Config): Promise<void> {
  checkServers(config)
  checkTls(config)
  checkNames(config)
  checkNumbers(config)
  await checkFilters(config)
}

function checkServers({ urls, startTls }: Config): void {
  if (urls.length === 0) throw refuse("'url' must be set: write the address of a server, such as ldaps://ldap.example.com") // prettier-ignore
  if (urls.length > mostServers) throw refuse(`'url' has at most ${mostServers} addresses`)
  for (const url of urls) {
    const address = addressOf(url)
    if (typeof address === 'string') throw refuse(`'url' cannot be used: ${address}`)
    if (!address.isSecure && !startTls && !address.isLocal)
      throw refuse("'url' cannot be used: ldap:// without TLS is for this machine only, because passwords could be read on the way. Use ldaps:// or set starttls") // prettier-ignore
  }
}

function checkTls({ tlsMin, tlsMax, ca, clientCert, clientKey }: Config): void {
  if (tlsMin > tlsMax) throw refuse("'tls_max_version' must be greater than or equal to 'tls_min_version'")
  if (ca !== '' && !areCertificates(ca)) throw refuse("'certificate' is no certificate as PEM")
  if ((clientCert === '') !== (clientKey === ''))
    throw refuse("both 'client_tls_cert' and 'client_tls_key' must be set")
  if (clientCert === '') return
  try {
    createSecureContext({ cert: clientCert, key: clientKey })
  } catch {
    throw refuse("'client_tls_cert' and 'client_tls_key' are no certificate and its private key as PEM")
  }
}

/** A keyword or an OID (RFC 4512 section 2.5). */
const attribute = /^(?:[A-Za-z][A-Za-z0-9-]{0,127}|\d+(?:\.\d+)+)$/

/** How a distinguished name begins (RFC 4514 section 3). */
const distinguished = /^\s*[A-Za-z0-9.-]+\s*=/

function checkNames(config: Config): void {
  const { bindDn, bindPass, userAttr, groupAttr, userDn, groupDn, upnDomain } = config
  for (const [field, value] of Object.entries({
    binddn: bindDn,
    userdn: userDn,
    groupdn: groupDn,
    upndomain: upnDomain,
  }))
    if (/\p{C}/u.test(value) || value.length > 1024)
      throw refuse(`'${field}' has control characters, or more than 1024 characters`)
  for (const [field, value] of Object.entries({ userdn: userDn, groupdn: groupDn }))
    if (value !== '' && !distinguished.test(value))
      throw refuse(`'${field}' is no distinguished name: write one such as ou=people,dc=example,dc=org`)
  if (bindPass.includes('\0') || bindPass.length > 1024) throw refuse("'bindpass' has a NUL, or more than 1024 characters") // prettier-ignore
  if ((bindDn === '') !== (bindPass === ''))
    throw refuse("'binddn' and 'bindpass' belong together: a bind without a password would be anonymous")
  for (const [field, value] of Object.entries({ userattr: userAttr, groupattr: groupAttr }))
    if (!attribute.test(value)) throw refuse(`'${field}' is no attribute: write one such as cn`)
  if (!isSearched(config) && upnDomain === '' && userDn === '')
    throw refuse("'userdn' must be set: say where users are, such as ou=people,dc=example,dc=org")
}

function checkNumbers({ pageSize, connectionTimeout, requestTimeout }: Config): void {
  if (pageSize < 0 || pageSize > 10_000) throw refuse("'max_page_size' must be from 0 to 10000")
  if (connectionTimeout < 1 || connectionTimeout > longestConnection)
    throw refuse(`'connection_timeout' must be from 1 to ${longestConnection} seconds`)
  if (requestTimeout < 1 || requestTimeout > longestRequest)
    throw refuse(`'request_timeout' must be from 1 to ${longestRequest} seconds`)
}

async function checkFilters({ userFilter, groupFilter }: Config): Promise<void> {
  await checkTemplate('userfilter', userFilter, { UserAttr: 'cn', Username: 'x' })
  if (!/\{\{-?\s*\.Username\b/.test(userFilter))
    throw refuse('invalid userfilter: without {{.Username}} it finds the same user for every name')
  if (groupFilter !== '')
    await checkTemplate('groupfilter', groupFilter, { UserDN: 'cn=x', Username: 'x', UserAttr: 'cn' })
}
