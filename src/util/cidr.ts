import { BlockList, isIP } from 'node:net'

const lists = new WeakMap<readonly string[], Blocks>()

/** IPv4 and IPv6 apart: Node's list would let an IPv4 address into an IPv6 block. */
interface Blocks {
  readonly ipv4: BlockList
  readonly ipv6: BlockList
}

/**
 * An address or an address block (RFC 4632, RFC 4291 §2.3) in one form: a lone address gets the longest prefix.
 * Gives undefined for anything else, also for a prefix longer than the address.
 */
export function parseCidr(written: string): string | undefined {
  const match = /^([0-9a-fA-F:.]+)(?:\/(0|[1-9]\d{0,2}))?$/.exec(written.trim())
  if (!match) return undefined
  const address = match[1] as string
  const family = isIP(address)
  const longest = family === 4 ? 32 : 128
  const bits = match[2] === undefined ? longest : Number(match[2])
  return family === 0 || bits > longest ? undefined : `${address}/${bits}`
}

/** How Vault shows a block: a single address without its prefix length. */
export function showCidr(cidr: string): string {
  const [address = '', bits] = cidr.split('/')
  return bits === (address.includes(':') ? '128' : '32') ? address : cidr
}

/** Whether `address` lies in one of the blocks that `parseCidr` gave. No block holds what is not an address. */
export function inCidrs(cidrs: readonly string[], address: string): boolean {
  const bare = plainAddress(address)
  const family = isIP(bare)
  if (family === 0) return false
  const { ipv4, ipv6 } = blocksOf(cidrs)
  return family === 4 ? ipv4.check(bare, 'ipv4') : ipv6.check(bare, 'ipv6')
}

/** An address as it is; an IPv4 one that is written as IPv6 (RFC 4291 §2.5.5.2), however it is spelled, as IPv4. */
export function plainAddress(address: string): string {
  if (isIP(address) !== 6) return address
  // The form of URLs (RFC 5952, without dots) is one for all spellings; what names an interface (`%eth0`) has none there.
  const [bare = ''] = address.split('%')
  const mapped = /^\[::ffff:([0-9a-f]+):([0-9a-f]+)\]$/.exec(new URL(`http://[${bare}]`).hostname)
  if (!mapped) return address
  const [high, low] = [Number.parseInt(mapped[1] ?? '', 16), Number.parseInt(mapped[2] ?? '', 16)]
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

function blocksOf(cidrs: readonly string[]): Blocks {
  const known = lists.get(cidrs)
  if (known) return known
  const blocks = { ipv4: new BlockList(), ipv6: new BlockList() }
  for (const cidr of cidrs) {
    const [address = '', bits] = cidr.split('/')
    const plain = plainAddress(address)
    // A block of mapped addresses is one of IPv4; one that is wider than all of them is of IPv6 only.
    if (isIP(plain) === 6 || (plain !== address && Number(bits) < mappedBits))
      blocks.ipv6.addSubnet(address, Number(bits), 'ipv6')
    else blocks.ipv4.addSubnet(plain, Number(bits) - (plain === address ? 0 : mappedBits), 'ipv4')
  }
  lists.set(cidrs, blocks)
  return blocks
}

/** How many bits stand before the IPv4 part of a mapped address. */
const mappedBits = 96
