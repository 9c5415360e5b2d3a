import { BlockList, isIP } from 'node:net'
import { perObject } from './caches/per-object.ts'

/** IPv4 and IPv6 separately: Node's list would match an IPv4 address with an IPv6 block. */
interface Blocks {
  readonly ipv4: BlockList
  readonly ipv6: BlockList
}

/**
 * An address or an address block (RFC 4632, RFC 4291 §2.3) in one form: a lone address gets the longest prefix.
 * Returns undefined for all other input, including a prefix longer than the address.
 */
export function parseCidr(input: string): string | undefined {
  const match = /^([0-9a-fA-F:.]+)(?:\/(0|[1-9]\d{0,2}))?$/.exec(input.trim())
  if (!match) return undefined
  const address = match[1] as string
  const family = isIP(address)
  const longest = family === 4 ? 32 : 128
  const bits = match[2] === undefined ? longest : Number(match[2])
  return family === 0 || bits > longest ? undefined : `${address}/${bits}`
}

/** A block in the form of Vault's responses: a single address without its prefix length. */
export function showCidr(cidr: string): string {
  const [address = '', bits] = cidr.split('/')
  return bits === (address.includes(':') ? '128' : '32') ? address : cidr
}

/** Whether `address` is in one of the blocks from `parseCidr`. False for a string that is not an address. */
export function inCidrs(cidrs: readonly string[], address: string): boolean {
  const bare = plainAddress(address)
  const family = isIP(bare)
  if (family === 0) return false
  const { ipv4, ipv6 } = blocksOf(cidrs)
  return family === 4 ? ipv4.check(bare, 'ipv4') : ipv6.check(bare, 'ipv6')
}

/** Whether each of some blocks is inside one of the others. Both are from `parseCidr`. */
export function areWithin(inner: readonly string[], outer: readonly string[]): boolean {
  return inner.every((cidr) => outer.some((other) => isWithin(cidr, other)))
}

function isWithin(inner: string, outer: string): boolean {
  const [{ address, bits }, whole] = [plainBlock(inner), plainBlock(outer)]
  return isIP(address) === isIP(whole.address) && bits >= whole.bits && inCidrs([outer], address)
}

/** A block with IPv4-mapped addresses only, as an IPv4 block. */
function plainBlock(cidr: string): { readonly address: string; readonly bits: number } {
  const [address = '', length] = cidr.split('/')
  const [plain, bits] = [plainAddress(address), Number(length)]
  if (plain === address || bits < mappedBits) return { address, bits }
  return { address: plain, bits: bits - mappedBits }
}

/** The address; an IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2), in any spelling, as IPv4. */
export function plainAddress(address: string): string {
  if (isIP(address) !== 6) return address
  // The form in URLs (RFC 5952, without dots) is the same for all spellings; it has no interface name (`%eth0`).
  const [bare = ''] = address.split('%')
  const mapped = /^\[::ffff:([0-9a-f]+):([0-9a-f]+)\]$/.exec(new URL(`http://[${bare}]`).hostname)
  if (!mapped) return address
  const [high, low] = [Number.parseInt(mapped[1] ?? '', 16), Number.parseInt(mapped[2] ?? '', 16)]
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

const blocksOf = perObject((cidrs: readonly string[]): Blocks => {
  const blocks = { ipv4: new BlockList(), ipv6: new BlockList() }
  for (const cidr of cidrs) {
    const [address = '', bits] = cidr.split('/')
    const plain = plainAddress(address)
    // A block of mapped addresses is an IPv4 block; a block wider than all of them is IPv6 only.
    if (isIP(plain) === 6 || (plain !== address && Number(bits) < mappedBits))
      blocks.ipv6.addSubnet(address, Number(bits), 'ipv6')
    else blocks.ipv4.addSubnet(plain, Number(bits) - (plain === address ? 0 : mappedBits), 'ipv4')
  }
  return blocks
})

/** The number of bits before the IPv4 part of a mapped address. */
const mappedBits = 96

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8)
loopback.addAddress('::1', 'ipv6')

/** Whether only this machine can reach a host. A name other than `localhost` may mean anything. */
export function isLoopback(host: string): boolean {
  const family = isIP(host)
  return host === 'localhost' || (family !== 0 && loopback.check(host, family === 4 ? 'ipv4' : 'ipv6'))
}
