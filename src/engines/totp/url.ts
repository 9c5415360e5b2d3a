import { refuse } from '../../contract/fault.ts'
import { wholeNumber } from '../../contract/wire/weak-types.ts'

/** The settings in an otpauth:// URL. Absent members are not in it. */
interface UrlSettings {
  readonly key: string
  readonly account_name: string
  readonly issuer?: string
  readonly algorithm?: string
  readonly digits?: number
  readonly period?: number
}

/**
 * Parses an `otpauth://totp/ISSUER:ACCOUNT?secret=…` URL. Its issuer takes precedence over that of its label. @throws Fault
 * invalid_request
 */
export function settingsIn(input: string): UrlSettings {
  const url = URL.canParse(input) ? new URL(input) : undefined
  if (url?.protocol !== 'otpauth:' || url.hostname.toLowerCase() !== 'totp')
    throw refuse('the url must begin with otpauth://totp/')
  const query = url.searchParams
  const names = [...query.keys()]
  if (new Set(names).size < names.length) throw refuse('the url has a parameter twice')
  const label = labelIn(url.pathname.slice(1))
  const issuer = query.get('issuer') ?? label.issuer
  const algorithm = query.get('algorithm') ?? undefined
  const [digits, period] = [numberIn(query, 'digits'), numberIn(query, 'period')]
  return {
    key: query.get('secret') ?? '',
    account_name: label.account.trim(),
    ...(issuer !== undefined && { issuer }),
    ...(algorithm !== undefined && { algorithm }),
    ...(digits !== undefined && { digits }),
    ...(period !== undefined && { period }),
  }
}

/** `ISSUER:ACCOUNT`, or only an account. The colon may be percent-encoded, unless there is a plain one. */
function labelIn(encoded: string): { readonly issuer?: string; readonly account: string } {
  const plain = encoded.indexOf(':')
  if (plain >= 0) return { issuer: decoded(encoded.slice(0, plain)), account: decoded(encoded.slice(plain + 1)) }
  const label = decoded(encoded)
  const colon = label.indexOf(':')
  return colon < 0 ? { account: label } : { issuer: label.slice(0, colon), account: label.slice(colon + 1) }
}

function decoded(encoded: string): string {
  try {
    return decodeURIComponent(encoded)
  } catch {
    throw refuse('the label of the url is not percent-encoded UTF-8')
  }
}

function numberIn(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null) return undefined
  const number = wholeNumber(text)
  if (number === undefined) throw refuse(`an error occurred while parsing ${name} value in url`)
  return number
}
