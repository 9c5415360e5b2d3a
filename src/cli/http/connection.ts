import { X509Certificate } from 'node:crypto'
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { formatDuration, parseDuration } from '../../util/duration.ts'
import { ServerError } from './errors.ts'
import type { Target } from './client.ts'
import type { Environment } from '../framework/env.ts'
import { UsageError } from '../framework/flags.ts'
import { proxyChoice } from './proxy.ts'
import type { FlagTable, Flags } from '../framework/flags.ts'

/** Flags of every command that talks to a server. */
export const connectionFlags: FlagTable = {
  address: { kind: 'string', about: 'Address of the server (VAULT_ADDR).' },
  'agent-address': { kind: 'string', about: 'Address of an agent (VAULT_AGENT_ADDR); takes precedence over -address.' },
  'ca-cert': { kind: 'string', about: 'File with the CA certificate of the server, in PEM (VAULT_CACERT).' },
  'ca-path': { kind: 'string', about: 'Folder of CA certificates in PEM (VAULT_CAPATH).' },
  'client-cert': { kind: 'string', about: 'File with the client certificate, in PEM (VAULT_CLIENT_CERT).' },
  'client-key': { kind: 'string', about: 'File with the private key of the client certificate (VAULT_CLIENT_KEY).' },
  'tls-server-name': {
    kind: 'string',
    about: 'Server name for SNI and certificate verification (VAULT_TLS_SERVER_NAME).',
  },
  'tls-skip-verify': {
    kind: 'bool',
    about: 'Do not verify the server certificate; for tests only (VAULT_SKIP_VERIFY).',
  },
  namespace: { kind: 'string', about: 'Namespace of the request (VAULT_NAMESPACE).', alias: 'ns', mayBeEmpty: true },
  'wrap-ttl': { kind: 'duration', about: 'Wrap the response in a token with this TTL (VAULT_WRAP_TTL).' },
  header: { kind: 'pairs', about: 'An additional HTTP header; can be repeated.' },
  mfa: { kind: 'strings', about: 'An MFA credential; can be repeated (VAULT_MFA).' },
  'unlock-key': { kind: 'string', about: 'Unlock key of a locked namespace.' },
  'disable-redirects': { kind: 'bool', about: 'Do not follow redirects (VAULT_DISABLE_REDIRECTS).' },
  'non-interactive': { kind: 'bool', about: 'Never prompt; fail instead.' },
  'output-curl-string': { kind: 'bool', about: 'Print the request as a curl command instead of sending it.' },
  'output-policy': { kind: 'bool', about: 'Print the policy that the request needs instead of sending it.' },
}

/**
 * The connection to the server, from the flags, otherwise from the environment.
 * @param withToken whether the token in use is sent
 * @throws ServerError for an invalid setting
 */
export function targetOf(flags: Flags, env: Environment, withToken = true): Target {
  const text = (flag: string, name: string): string => flags.string(flag) ?? env.setting(name) ?? ''
  const wrap = text('wrap-ttl', 'WRAP_TTL')
  return {
    ...addressOf(text('agent-address', 'AGENT_ADDR') || text('address', 'ADDR') || 'https://127.0.0.1:8200'),
    token: withToken ? tokenOf(env) : '',
    namespace: text('namespace', 'NAMESPACE').replace(/^\/+|\/+$/g, ''),
    wrapTtl: wrap === '' ? '' : wrapTtlOf(wrap),
    headers: headersOf(flags),
    tls: {
      ...authorities(flags, env),
      ...clientPair(text('client-cert', 'CLIENT_CERT'), text('client-key', 'CLIENT_KEY')),
      ...(text('tls-server-name', 'TLS_SERVER_NAME') && { servername: text('tls-server-name', 'TLS_SERVER_NAME') }),
      ...((flags.has('tls-skip-verify') ? flags.bool('tls-skip-verify') : boolean(env, 'SKIP_VERIFY')) && {
        rejectUnauthorized: false,
      }),
    },
    retries: count(env.setting('MAX_RETRIES') || '2'),
    timeout: seconds(env.setting('CLIENT_TIMEOUT') || '60s', 'CLIENT_TIMEOUT') * 1000,
    proxy: proxyChoice(env),
    redirects: !(flags.bool('disable-redirects') || boolean(env, 'DISABLE_REDIRECTS')),
    ...dryRunMode(flags),
  }
}

/** The connection to the server that `import` reads from. @throws ServerError for an invalid setting */
export function sourceOf(address: string, token: string, flags: Flags, env: Environment): Target {
  const { retries, timeout, proxy } = targetOf(flags, env, false)
  return {
    ...addressOf(address),
    token,
    namespace: (flags.string('from-namespace') ?? '').replace(/^\/+|\/+$/g, ''),
    wrapTtl: '',
    headers: {},
    tls: certificates(flags.string('from-ca-cert') ?? '', ''),
    retries,
    timeout,
    proxy,
    redirects: false,
  }
}

function dryRunMode(flags: Flags): Pick<Target, 'dryRun'> {
  if (flags.bool('output-curl-string')) return { dryRun: 'curl' }
  return flags.bool('output-policy') ? { dryRun: 'policy' } : {}
}

function addressOf(input: string): Pick<Target, 'address' | 'socketPath'> {
  const socket = /^unix:\/\/(\/.+)$/.exec(input)?.[1]
  if (socket !== undefined) return { address: new URL('http://localhost'), socketPath: socket }
  const url = URL.canParse(input) ? new URL(input) : undefined
  if (url && ['http:', 'https:'].includes(url.protocol)) return { address: url }
  throw new ServerError(
    `"${input}" is not a valid address; write it like https://127.0.0.1:8200 or unix:///run/strongroom.sock`,
  )
}

function headersOf(flags: Flags): Record<string, string> {
  const headers = flags.pairs('header') ?? {}
  for (const name of Object.keys(headers)) {
    if (/^x-vault-/i.test(name))
      throw new ServerError(`the header ${name} cannot be set: names that begin with X-Vault- are reserved`)
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name))
      throw new ServerError(`${JSON.stringify(name)} is not a valid header name: use letters, digits and "-"`)
  }
  const factors = flags.strings('mfa')
  const unlock = flags.string('unlock-key')
  return {
    ...headers,
    ...(factors.length > 0 && { 'X-Vault-MFA': factors.join(', ') }),
    ...(unlock && { 'X-Vault-Namespace-Unlock-Key': unlock }),
  }
}

function boolean(env: Environment, name: string): boolean {
  const value = env.setting(name) ?? ''
  if (value === '' || /^(0|f|false)$/i.test(value)) return false
  if (/^(1|t|true)$/i.test(value)) return true
  throw new ServerError(`${name} is "${value}" in the environment; set it to true or false`)
}

function seconds(value: string, name: string): number {
  const parsed = parseDuration(value)
  if (parsed === undefined) throw new ServerError(`${name} is "${value}"; write a duration such as 30s`)
  return parsed
}

/** @throws ServerError below a second: in whole seconds it would mean no wrapping, and the response would be in plaintext */
function wrapTtlOf(input: string): string {
  const ttl = seconds(input, 'WRAP_TTL')
  if (ttl < 1 && /[1-9]/.test(input))
    throw new ServerError(`WRAP_TTL is "${input}"; the shortest TTL of a wrapping is 1s`)
  return formatDuration(ttl)
}

function count(value: string): number {
  if (!/^\d{1,3}$/.test(value)) throw new ServerError(`MAX_RETRIES is "${value}"; write an integer`)
  return Number(value)
}

function tokenOf(env: Environment): string {
  const token = env.token()
  if (/[^\x20-\x7e]/.test(token))
    throw new ServerError('the token contains invalid characters: set it again, or log in')
  return token
}

/** The authorities of the server's certificate: the flags, otherwise the PEM in the environment, otherwise its files. */
function authorities(flags: Flags, env: Environment): { readonly ca?: string[] } {
  const bytes = env.setting('CACERT_BYTES') ?? ''
  if (bytes === '' || flags.has('ca-cert') || flags.has('ca-path'))
    return certificates(
      flags.string('ca-cert') ?? env.setting('CACERT') ?? '',
      flags.string('ca-path') ?? env.setting('CAPATH') ?? '',
    )
  if (!isCertificate(bytes)) throw new ServerError('CACERT_BYTES in the environment contains no PEM certificate')
  return { ca: [bytes] }
}

function certificates(caFile: string, caFolder: string): { readonly ca?: string[] } {
  if (caFile !== '') return { ca: [certificate(caFile)] }
  if (caFolder === '') return {}
  const files = namesIn(caFolder).map((name) => join(caFolder, name))
  const contents = files.filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile()).map(read)
  const ca = contents.filter(isCertificate)
  if (ca.length === 0) throw new ServerError(`the folder ${caFolder} contains no PEM certificate`)
  return { ca }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    throw new ServerError(`the folder ${folder} cannot be read`)
  }
}

function clientPair(cert: string, key: string): { readonly cert?: string; readonly key?: string } {
  if (cert === '' && key === '') return {}
  if (cert === '' || key === '') throw new ServerError('give a client certificate and its private key together')
  const text = read(key)
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text))
    throw new ServerError(`the file ${key} contains no PEM private key`)
  return { cert: certificate(cert), key: text }
}

function certificate(path: string): string {
  const text = read(path)
  if (!isCertificate(text)) throw new ServerError(`the file ${path} contains no PEM certificate`)
  return text
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0
  } catch {
    return false
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    throw new ServerError(`the file ${path} cannot be read`)
  }
}

/** @throws UsageError if both kinds of dry run are requested */
export function checkDryRunFlags(flags: Flags): void {
  if (flags.bool('output-curl-string') && flags.bool('output-policy'))
    throw new UsageError('give -output-curl-string or -output-policy, not both')
}
