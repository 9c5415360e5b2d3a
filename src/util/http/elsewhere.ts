import { lookup } from 'node:dns'
import type { LookupAddress, LookupOptions } from 'node:dns'
import { BlockList, isIP } from 'node:net'

/** Addresses of this machine and of its link: loopback, unspecified, link-local (where clouds tell machines their secrets), multicast, reserved. */
const near = new BlockList()
for (const [net, bits] of [['0.0.0.0', 8], ['127.0.0.0', 8], ['169.254.0.0', 16], ['224.0.0.0', 3]] as const) near.addSubnet(net, bits, 'ipv4') // prettier-ignore
for (const [net, bits] of [['::', 128], ['::1', 128], ['fe80::', 10], ['ff00::', 8]] as const) near.addSubnet(net, bits, 'ipv6') // prettier-ignore

/** Whether the host of a URL is such an address. Names are judged when they are resolved. */
export function isNear(hostname: string): boolean {
  const address = hostname.replace(/^\[|\]$/g, '')
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
