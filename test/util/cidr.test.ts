import { expect } from 'chai'
import * as fc from 'fast-check'
import { areWithin, inCidrs, parseCidr, plainAddress } from '../../src/util/cidr.ts'

const holds = (block: string, address: string): boolean => inCidrs([parseCidr(block) ?? ''], address)

describe('address blocks', () => {
  it('of IPv6 hold no IPv4 address, and the other way round', () => {
    for (const block of ['::/0', '::/1', '2001:db8::/32', '::ffff:0:0/90', '::/96', '8000::/1', '64:ff9b::/96'])
      for (const address of [
        '10.1.2.3',
        '0.0.0.0',
        '255.255.255.255',
        '::ffff:10.1.2.3',
        '::FFFF:a01:203',
        '0:0:0:0:0:ffff:a01:203',
      ])
        expect(holds(block, address), `${block} ${address}`).to.equal(false)
    for (const address of ['::1', '2001:db8::1', '::10.1.2.3', '::ffff:0:a01:203', '64:ff9b::a01:203'])
      expect(holds('0.0.0.0/0', address), address).to.equal(false)
  })

  it('of mapped addresses are those of IPv4, however either is written', () => {
    for (const block of ['10.0.0.0/8', '::ffff:10.0.0.0/104', '::ffff:a00:0/104', '0:0:0:0:0:FFFF:0A00:0000/104'])
      for (const [address, inside] of [
        ['10.1.2.3', true],
        ['::ffff:10.1.2.3', true],
        ['::ffff:a01:203', true],
        ['11.1.2.3', false],
        ['::1', false],
        ['x', false],
        ['', false],
      ] as const)
        // prettier-ignore
        expect(holds(block, address), `${block} ${address}`).to.equal(inside)
    expect(holds('2001:db8::/32', '2001:db8:1::1')).to.equal(true)
    expect(holds('fe80::/10', 'fe80::1%eth0')).to.equal(true)
  })

  it('every IPv4 address has one plain form', () => {
    const byte = fc.nat(255)
    fc.assert(
      fc.property(byte, byte, byte, byte, (a, b, c, d) => {
        const plain = [a, b, c, d].join('.')
        const hex = [(a << 8) | b, (c << 8) | d].map((pair) => pair.toString(16)).join(':')
        for (const written of [plain, `::ffff:${plain}`, `::FFFF:${hex}`, `0:0:0:0:0:ffff:${hex}`])
          expect(plainAddress(written)).to.equal(plain)
        expect(plainAddress(`::${hex}`)).to.equal(`::${hex}`)
      }),
    )
  })

  it('lie within one another when one holds every address of the other', () => {
    const within = (inner: string, outer: string) => areWithin([parseCidr(inner) ?? ''], [parseCidr(outer) ?? ''])
    for (const [inner, outer, expected] of [
      ['10.1.0.0/16', '10.0.0.0/8', true],
      ['10.0.0.0/8', '10.1.0.0/16', false],
      ['11.0.0.0/16', '10.0.0.0/8', false],
      ['10.1.2.3', '10.1.2.3/32', true],
      ['0.0.0.0/0', '10.0.0.0/8', false],
      ['10.0.0.0/8', '::/0', false],
      ['::1', '0.0.0.0/0', false],
      ['::ffff:10.1.0.0/112', '10.0.0.0/8', true],
      ['::ffff:0:0/90', '0.0.0.0/0', false],
      ['2001:db8:1::/48', '2001:db8::/32', true],
      ['2001:db8::/32', '2001:db8:1::/48', false],
    ] as const)
      expect(within(inner, outer), `${inner} ${outer}`).to.equal(expected)
    const block = fc.tuple(fc.nat(3), fc.nat(255), fc.integer({ min: 4, max: 16 }))
    fc.assert(
      fc.property(block, block, fc.nat(255), fc.nat(255), ([a, b, bits], [c, d, others], x, y) => {
        const [inner, outer] = [`${a}.${b}.0.0/${bits}`, `${c}.${d}.0.0/${others}`]
        const address = [a, b, x, y].join('.')
        if (within(inner, outer)) expect(holds(outer, address), `${inner} ${outer} ${address}`).to.equal(true)
      }),
    )
  })
})
