import { expect } from 'chai'
import { isLinkLocal, isNear, lookupConfigured } from '../../../src/util/http/elsewhere.ts'

describe('addresses that only an operator may configure', () => {
  const hostOf = (host: string): string => new URL(`http://${host}/`).hostname

  for (const host of [
    '127.0.0.1',
    '127.1',
    '0x7f000001',
    '127.0.0.1.',
    '0.0.0.0',
    '169.254.169.254',
    '192.0.0.192',
    '100.100.100.200',
    '[::]',
    '[::1]',
    '[::127.0.0.1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:169.254.169.254]',
    '[64:ff9b::127.0.0.1]',
    '[64:ff9b::169.254.169.254]',
    '[fe80::1]',
    '[fd00:ec2::254]',
    '[fd20:ce::254]',
    '[ff02::1]',
  ])
    it(`${host} is one`, () => expect(isNear(hostOf(host))).to.equal(true))

  it('so is one with its zone, as a lookup may give it', () => expect(isNear('fe80::1%eth0')).to.equal(true))

  for (const host of [
    '10.0.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '1.1.1.1',
    '[2001:db8::1]',
    '[fd00::1]',
    '[64:ff9b::8.8.8.8]',
    'ocsp.example',
  ])
    // prettier-ignore
    it(`${host} is none`, () => expect(isNear(hostOf(host))).to.equal(false))
})

describe('addresses that nobody may configure', () => {
  it('are those of the link and of the secrets of clouds, not of this machine', () => {
    for (const host of ['[::ffff:169.254.169.254]', '[fe80::1]', '100.100.100.200', '[64:ff9b::169.254.169.254]'])
      expect(isLinkLocal(new URL(`http://${host}/`).hostname), host).to.equal(true)
    for (const host of ['127.0.0.1', '[::1]', '10.0.0.1', '[fd00::1]', 'name.example'])
      expect(isLinkLocal(new URL(`http://${host}/`).hostname), host).to.equal(false)
  })

  it('are refused as the addresses of a name, too', async () => {
    const found = async (name: string) =>
      new Promise((resolve) =>
        lookupConfigured(name, { all: true }, (error, addresses) => resolve(error?.code ?? addresses)),
      )
    // The addresses of such a name are itself.
    expect(await found('169.254.169.254')).to.equal('LINK_LOCAL')
    expect(await found('127.0.0.1')).to.deep.equal([{ address: '127.0.0.1', family: 4 }])
  })
})
