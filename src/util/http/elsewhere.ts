import { lookup } from 'node:dns'
import type { LookupAddress, LookupOptions } from 'node:dns'
import { BlockList, isIP } from 'node:net'

/** IPv4 of this machine and of its link: loopback, unspecified, link-local, multicast, reserved. */
const near4 = [['0.0.0.0', 8], ['127.0.0.0', 8], ['169.254.0.0', 16], ['192.0.0.0', 24], ['224.0.0.0', 3]] as const // prettier-ignore
/** The same of IPv6, with IPv4 in IPv6 (also behind a NAT64). */
const near6 = [['::', 96], ['64:ff9b::', 104], ['64:ff9b::7f00:0', 104], ['64:ff9b::a9fe:0', 112], ['fe80::', 10], ['ff00::', 8]] as const // prettier-ignore
/** Where clouds tell machines their secrets besides 169.254.169.254: Alibaba, AWS, Google. */
const clouds = [['100.100.100.200', 'ipv4'], ['fd00:ec2::254', 'ipv6'], ['fd20:ce::254', 'ipv6']] as const // prettier-ignore

const near = new BlockList()
for (const [net, bits] of near4) near.addSubnet(net, bits, 'ipv4')
for (const [net, bits] of near6) near.addSubnet(net, bits, 'ipv6')
for (const [address, family] of clouds) near.addAddress(address, family)

/** Whether the host of a URL is such an address. Names are judged when they are resolved. */
export function isNear(hostname: string): boolean {
  const [address = ''] = hostname.replace(/^\[|\]$/g, '').split('%')
  const version = isIP(address)
  return version !== 0 && near.check(address, version === 6 ? 'ipv6' : 'ipv4')
}

/** Whether the host of a URL is a link-local address (169.254.169.254 and the like), which nobody has a reason to configure. */
export const isLinkLocal = (hostname: string): boolean =>
  /^(?:169\.254\.|\[fe[89ab]|\[::ffff:a9fe:)/.test(hostname.toLowerCase())

type Callback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void

/** `dns.lookup` that refuses names with such an address: it is the lookup of the connection itself, so that a second answer of the name's owner comes too late. */
export function lookupElsewhere(hostname: string, options: LookupOptions, done: Callback): void {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) return done(error, '')
    const [first] = addresses
    if (!first || addresses.some(({ address }) => isNear(address)))
      return done(Object.assign(new Error('loopback or link-local'), { code: 'LOOPBACK_OR_LINK_LOCAL' }), '')
    if (options.all) return done(null, addresses)
    done(null, first.address, first.family)
  })
}
