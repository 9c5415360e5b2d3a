import { lookup } from 'node:dns'
import type { LookupAddress, LookupOptions } from 'node:dns'
import { BlockList, isIP } from 'node:net'

/** IPv4 of this machine and of its link: loopback, unspecified, link-local, multicast, reserved. */
const near4 = [['0.0.0.0', 8], ['127.0.0.0', 8], ['169.254.0.0', 16], ['192.0.0.0', 24], ['224.0.0.0', 3]] as const // prettier-ignore
/** The same of IPv6, with IPv4 in IPv6 (also behind a NAT64). */
const near6 = [['::', 96], ['64:ff9b::', 104], ['64:ff9b::7f00:0', 104], ['64:ff9b::a9fe:0', 112], ['fe80::', 10], ['ff00::', 8]] as const // prettier-ignore
/** Where clouds tell machines their secrets besides 169.254.169.254: Alibaba, AWS, Google. */
const clouds = [['100.100.100.200', 'ipv4'], ['fd00:ec2::254', 'ipv6'], ['fd20:ce::254', 'ipv6']] as const // prettier-ignore

/** Link-local: there clouds tell machines their secrets, and nobody has a reason to configure it. */
const never4 = [['169.254.0.0', 16]] as const
const never6 = [['fe80::', 10], ['64:ff9b::a9fe:0', 112]] as const // prettier-ignore

const near = new BlockList()
for (const [net, bits] of near4) near.addSubnet(net, bits, 'ipv4')
for (const [net, bits] of near6) near.addSubnet(net, bits, 'ipv6')
for (const [address, family] of clouds) near.addAddress(address, family)

const never = new BlockList()
for (const [net, bits] of never4) never.addSubnet(net, bits, 'ipv4')
for (const [net, bits] of never6) never.addSubnet(net, bits, 'ipv6')
for (const [address, family] of clouds) never.addAddress(address, family)

function isIn(list: BlockList, hostname: string): boolean {
  const [address = ''] = hostname.replace(/^\[|\]$/g, '').split('%')
  const version = isIP(address)
  return version !== 0 && list.check(address, version === 6 ? 'ipv6' : 'ipv4')
}

/** Whether the host of a URL is such an address. Names are judged when they are resolved. */
export const isNear = (hostname: string): boolean => isIn(near, hostname)

/** Whether the host of a URL is link-local (169.254.169.254 and the like). Names are judged when they are resolved. */
export const isLinkLocal = (hostname: string): boolean => isIn(never, hostname)

type Callback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void

/** `dns.lookup` that refuses names with such an address: it is the lookup of the connection itself, so that a second answer of the name's owner comes too late. */
export const lookupElsewhere = lookupUnless(isNear, 'LOOPBACK_OR_LINK_LOCAL')

/** The same for the names that an operator configured. */
export const lookupConfigured = lookupUnless(isLinkLocal, 'LINK_LOCAL')

function lookupUnless(isRefused: (address: string) => boolean, code: string) {
  return (hostname: string, options: LookupOptions, done: Callback): void => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return done(error, '')
      const [first] = addresses
      if (!first || addresses.some(({ address }) => isRefused(address)))
        return done(Object.assign(new Error('an address that is not asked'), { code }), '')
      if (options.all) return done(null, addresses)
      done(null, first.address, first.family)
    })
  }
}
