import { BlockList, isIP } from 'node:net'

const lists = new WeakMap<readonly string[], BlockList>()

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
  const bare = /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address) ? address.slice(7) : address
  const family = isIP(bare)
  return family !== 0 && blockList(cidrs).check(bare, family === 4 ? 'ipv4' : 'ipv6')
}

function blockList(cidrs: readonly string[]): BlockList {
  const known = lists.get(cidrs)
  if (known) return known
  const list = new BlockList()
  for (const cidr of cidrs) {
    const [address = '', bits] = cidr.split('/')
    list.addSubnet(address, Number(bits), address.includes(':') ? 'ipv6' : 'ipv4')
  }
  lists.set(cidrs, list)
  return list
}
