import { SocketAddress, isIP } from 'node:net'

/** The source of a proxied connection. */
export interface Source {
  readonly address: string
  readonly port: number
}

/** The meaning of the first bytes of a connection, by the PROXY protocol (haproxy.org/download/1.8/doc/proxy-protocol.txt). */
type ProxyHeader =
  | { readonly kind: 'more' }
  | { readonly kind: 'none' }
  | { readonly kind: 'broken' }
  /** Without a source the proxy connects for itself. */
  | { readonly kind: 'header'; readonly length: number; readonly source: Source | undefined }

const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')
const text = Buffer.from('PROXY ')
/** The longest header of version 1. */
const longestLine = 107
/** Addresses, and space for other data of a proxy. */
const longestBlock = 4096

/** Reads a header of version 1 or 2 at the beginning of `bytes`. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (begins(bytes, text)) return bytes.length < text.length ? { kind: 'more' } : textHeader(bytes)
  if (begins(bytes, signature)) return bytes.length < 16 ? { kind: 'more' } : binaryHeader(bytes)
  return { kind: 'none' }
}

/** Whether the shorter of the two is how the longer begins. */
function begins(bytes: Buffer, mark: Buffer): boolean {
  const length = Math.min(bytes.length, mark.length)
  return bytes.subarray(0, length).equals(mark.subarray(0, length))
}

function textHeader(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, longestLine).indexOf('\r\n')
  if (end < 0) return bytes.length < longestLine ? { kind: 'more' } : { kind: 'broken' }
  const line = bytes.toString('latin1', 0, end)
  const length = end + 2
  if (/^PROXY UNKNOWN( |$)/.test(line)) return { kind: 'header', length, source: undefined }
  const [, family, from, to, port] =
    /^PROXY TCP([46]) ([\da-fA-F.:]+) ([\da-fA-F.:]+) (0|[1-9]\d{0,4}) (?:0|[1-9]\d{0,4})$/.exec(line) ?? []
  const version = Number(family)
  if (from === undefined || isIP(from) !== version || isIP(to ?? '') !== version || Number(port) > 65_535)
    return { kind: 'broken' }
  return { kind: 'header', length, source: { address: from, port: Number(port) } }
}

function binaryHeader(bytes: Buffer): ProxyHeader {
  const command = bytes.readUInt8(12)
  const family = bytes.readUInt8(13)
  const size = bytes.readUInt16BE(14)
  const length = 16 + size
  if (command >> 4 !== 2 || (command & 15) > 1 || size > longestBlock) return { kind: 'broken' }
  if (bytes.length < length) return { kind: 'more' }
  if ((command & 15) === 0) return { kind: 'header', length, source: undefined }
  const bytesOfAddress = { 0x11: 4, 0x21: 16 }[family]
  if (bytesOfAddress === undefined || size < 2 * bytesOfAddress + 4) return { kind: 'broken' }
  const from = bytes.subarray(16, 16 + bytesOfAddress)
  const address = bytesOfAddress === 4 ? from.join('.') : [...from.toString('hex').matchAll(/..../g)].join(':')
  return {
    kind: 'header',
    length,
    source: { address: shortest(address), port: bytes.readUInt16BE(16 + 2 * bytesOfAddress) },
  }
}

/** IPv6 in its canonical form (RFC 5952). */
function shortest(address: string): string {
  return address.includes(':') ? new SocketAddress({ address, family: 'ipv6' }).address : address
}
