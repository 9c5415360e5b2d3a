/** An address of a server. */
interface Address {
  readonly host: string
  readonly port: number
  /** `ldaps`. */
  readonly isSecure: boolean
  /** A name or address of this machine. */
  readonly isLocal: boolean
}

/** The server of an `ldap://` or `ldaps://` address, or why there is none. */
export function addressOf(url: string): Address | string {
  const parts = /^(ldaps?):\/\/(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?\/?$/i.exec(url)
  const [, scheme = '', v6, name, digits] = parts ?? []
  const host = (v6 ?? name ?? '').toLowerCase()
  if (host === '') return 'it is no ldap:// or ldaps:// address of a server; write ldaps://ldap.example.com:636'
  const isSecure = scheme.toLowerCase() === 'ldaps'
  const port = digits === undefined ? (isSecure ? 636 : 389) : Number(digits)
  if (port < 1 || port > 65_535) return 'its port is not between 1 and 65535'
  return { host, port, isSecure, isLocal: /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/.test(host) }
}
