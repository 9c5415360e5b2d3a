import { X509Certificate, createPrivateKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import type { ListenerConfig, TlsConfig, UnixSocket } from '../config/types.ts'
import type { HttpOptions } from '../protocols/http/listener.ts'
import type { SocketPlace } from '../protocols/http/addresses.ts'
import { tlsOptions } from '../protocols/http/tls.ts'
import type { TlsMaterial } from '../protocols/http/tls.ts'
import type { CertificateWatch } from './log/certificate-watch.ts'

/** The HTTP options of a listener of the configuration. @throws Error naming the file, the setting and the cure */
export async function httpOptions(listener: ListenerConfig, certificates: LoadedCertificates): Promise<HttpOptions> {
  const { host, port, unix, tls, maxRequestSize, maxRequestDuration, readHeaderTimeout, idleTimeout } = listener
  const readTimeout = listener.readTimeout ?? maxRequestDuration
  return {
    host,
    port,
    ...(unix && { unix: await socketOf(unix) }),
    ...(tls && { tls: async () => watched(tls, certificates) }),
    ...(maxRequestSize !== undefined && { bodyBytes: maxRequestSize }),
    ...(maxRequestDuration !== undefined && { answerTimeout: maxRequestDuration * 1000 }),
    ...(readTimeout !== undefined && { requestTimeout: readTimeout * 1000 }),
    ...(readHeaderTimeout !== undefined && { headersTimeout: readHeaderTimeout * 1000 }),
    ...(idleTimeout !== undefined && { idleTimeout: idleTimeout * 1000 }),
    ...(listener.forwardedFor && { forwardedFor: listener.forwardedFor }),
    ...(listener.proxyProtocol && { proxyProtocol: listener.proxyProtocol }),
  }
}

/** Hears which certificates (PEM) a listener uses. */
export type LoadedCertificates = Pick<CertificateWatch, 'loaded'>

async function watched(tls: TlsConfig, certificates: LoadedCertificates): Promise<TlsMaterial> {
  const material = await tlsMaterial(tls)
  certificates.loaded(tls.certFile, material.cert)
  return material
}

/** The URL of a listener; of a unix socket with three slashes. */
export function addressOf(listener: ListenerConfig | undefined, address: string): string {
  return `${listener?.unix ? 'unix' : listener?.tls ? 'https' : 'http'}://${address}`
}

async function socketOf({ path, mode, user, group }: UnixSocket): Promise<SocketPlace> {
  const uid = user === undefined ? undefined : await numberOf(user, '/etc/passwd', 'socket_user')
  const gid = group === undefined ? undefined : await numberOf(group, '/etc/group', 'socket_group')
  return {
    path,
    ...(mode !== undefined && { mode }),
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
  }
}

/** The number of a user or group (passwd(5), group(5)). */
async function numberOf(name: string, file: string, setting: string): Promise<number> {
  if (/^\d{1,9}$/.test(name)) return Number(name)
  const lines = (await readFile(file, 'utf8')).split('\n').map((line) => line.split(':'))
  const found = Number(lines.find(([first]) => first === name)?.[2] ?? Number.NaN)
  if (Number.isSafeInteger(found)) return found
  throw new Error(`${setting}: ${file} has no "${name}"; write its number, or make it`)
}

/** Reads what TLS needs, and sees that it can be used. @throws Error naming the file, the setting and the cure */
async function tlsMaterial(tls: TlsConfig): Promise<TlsMaterial> {
  const cert = await pem(tls.certFile, 'tls_cert_file')
  const key = await pem(tls.keyFile, 'tls_key_file')
  const clientCa = tls.clientCaFile === undefined ? undefined : await pem(tls.clientCaFile, 'tls_client_ca_file')
  checkCertificates(cert, tls.certFile, 'tls_cert_file')
  if (clientCa !== undefined) checkCertificates(clientCa, tls.clientCaFile ?? '', 'tls_client_ca_file')
  checkKey(cert, key, tls)
  const { minVersion, maxVersion, ciphers, clientOrder, noClientCert } = tls
  const material = {
    cert,
    key,
    ...(minVersion && { minVersion }),
    ...(maxVersion && { maxVersion }),
    ...(ciphers && { ciphers }),
    ...(clientOrder && { clientOrder }),
    ...(clientCa !== undefined && { clientCa }),
    ...(noClientCert && { noClientCert }),
  }
  try {
    createSecureContext(tlsOptions(material))
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'unknown'
    throw new Error(`${tls.certFile} (tls_cert_file) and ${tls.keyFile} (tls_key_file) cannot be used: ${reason}`, {
      cause,
    })
  }
  return material
}

const unreadable: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file; correct the path, or put it there',
  EACCES: "the server's user may not read it; give that user the right to",
  EISDIR: 'it is a folder; name the file in it',
  ENOTDIR: 'a part of the path is not a folder; correct the path',
}

async function pem(file: string, setting: string): Promise<string> {
  const bytes = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw new Error(`${file} (${setting}): ${unreadable[cause.code ?? ''] ?? `it cannot be read (${cause.code})`}`, {
      cause,
    })
  })
  const text = bytes.toString('latin1')
  if (text.includes('-----BEGIN ')) return text
  const kind = setting === 'tls_key_file' ? 'pkey' : 'x509'
  const convert = `; convert it: openssl ${kind} -inform DER -in ${file} -out new.pem`
  const what = setting === 'tls_key_file' ? 'the private key' : 'the certificate'
  const replace = `; put ${what} there in PEM, which begins with "-----BEGIN"`
  if (bytes.length === 0) throw new Error(`${file} (${setting}): it is empty${replace}`)
  const isDer = bytes[0] === 0x30
  throw new Error(`${file} (${setting}): ${isDer ? `it is DER, not PEM${convert}` : `it is not PEM${replace}`}`)
}

function checkCertificates(text: string, file: string, setting: string): void {
  const found = text.match(/-----BEGIN (?:TRUSTED )?CERTIFICATE-----[^-]+-----END/g) ?? []
  if (found.length === 0)
    throw new Error(`${file} (${setting}): no certificate is in it; it begins with "-----BEGIN CERTIFICATE-----"`)
  try {
    for (const one of text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [])
      void new X509Certificate(one)
  } catch (cause) {
    throw new Error(`${file} (${setting}): a certificate in it is damaged; write it there again`, { cause })
  }
}

function checkKey(cert: string, key: string, { certFile, keyFile }: TlsConfig): void {
  if (/ENCRYPTED/.test(key))
    throw new Error(
      `${keyFile} (tls_key_file): the private key is encrypted; write it without a passphrase, readable by the server's user only: openssl pkey -in ${keyFile} -out new.key`,
    )
  let matches: boolean
  try {
    matches = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))
  } catch (cause) {
    throw new Error(
      `${keyFile} (tls_key_file): no private key can be read from it; it begins with "-----BEGIN PRIVATE KEY-----"`,
      { cause },
    )
  }
  if (!matches)
    throw new Error(
      `${keyFile} (tls_key_file) is not the key of the certificate in ${certFile} (tls_cert_file), whose first certificate must be the server's own; give the two that belong together`,
    )
}
