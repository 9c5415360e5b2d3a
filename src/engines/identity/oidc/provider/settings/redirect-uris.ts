import { refuse } from '../../../../../contract/fault.ts'
import { unprintable } from '../../../../../util/printable.ts'
import { byteOrder } from '../../../../../util/bytes.ts'

/** Schemes whose URLs a browser executes or reads itself. */
const ofBrowsers = /^(javascript|data|vbscript|blob|filesystem|file|about|view-source):/i

/** Checks redirect URIs. @throws Fault invalid_request */
export function checkedRedirectUris(uris: readonly string[]): readonly string[] {
  for (const uri of uris)
    if (!URL.canParse(uri) || /[\s#\\]/.test(uri) || unprintable.test(uri) || ofBrowsers.test(uri))
      throw refuse(
        'a redirect URI is absolute, such as https://app.example/callback, and has no fragment and no spaces',
      )
  return [...new Set(uris)].sort(byteOrder)
}

/** The parts of a loopback HTTP URL: host, port and the rest. */
const loopback = /^http:\/\/(127\.0\.0\.1|\[::1\]|localhost)(?::(\d{1,5}))?((?:[/?].*)?)$/s

/**
 * Whether a client has registered exactly this URI. Only the port of a loopback address may differ, because native
 * applications get their port from the operating system (RFC 8252, 7.3).
 */
export function isRegistered(registered: readonly string[], uri: string): boolean {
  if (registered.includes(uri)) return true
  const asked = loopback.exec(uri)
  if (!asked || Number(asked[2] ?? 80) > 65_535) return false
  return registered.some((one) => {
    const own = loopback.exec(one)
    return own !== null && own[1] === asked[1] && own[3] === asked[3]
  })
}
