import { request } from 'node:https'
import { expect } from 'chai'
import { issue, pemDer, usage } from '../../support/pki.ts'
import type { Issued } from '../../support/pki.ts'
import { agentOf, tlsServer } from '../../support/processes/tls-server.ts'
import type { TlsServer } from '../../support/processes/tls-server.ts'

const root = issue({ commonName: 'Root', isAuthority: true })
const between = issue({ commonName: 'Between', isAuthority: true, issuer: root })
const anna = issue({ commonName: 'anna', issuer: root, usages: [usage.client] })
const bert = issue({ commonName: 'bert', issuer: between, usages: [usage.client] })
const proxy = issue({ commonName: 'proxy', issuer: root, usages: [usage.client] })
const der = ({ cert }: Issued): string => pemDer(cert).toString('base64')
const oneLine = (...all: readonly Issued[]): string =>
  all
    .map(({ cert }) => cert)
    .join('')
    .replaceAll('\n', ' ')

const rules = (listed: string, decoders = '') => `
  x_forwarded_for_authorized_addrs = "${listed}"
  x_forwarded_for_reject_not_present = false
  x_forwarded_for_client_cert_header = "X-Client-Cert"
  ${decoders === '' ? '' : `x_forwarded_for_client_cert_decoders = [${decoders}]`}
`

describe('certificates of clients in a header of a proxy', () => {
  let server: TlsServer
  afterEach(async () => server?.running.stop())

  const start = async (listed: string, decoders = ''): Promise<void> => {
    server = await tlsServer(rules(listed, decoders))
    await server.call('POST', 'sys/auth/cert', { type: 'cert' })
    await server.call('POST', 'auth/cert/certs/web', { certificate: root.cert })
  }
  /** Who logs in with these values of the header, or the status. */
  const login = async (values: readonly string[], own?: Issued, path = 'auth/cert/login'): Promise<string | number> =>
    new Promise((resolve, reject) => {
      const headers = { 'X-Client-Cert': [...values], 'Content-Length': 2 }
      const sent = request({ host: '127.0.0.1', port: server.port, method: 'POST', path: `/v1/${path}`, headers, agent: agentOf(own) }, (message) => {
        let text = ''
        message.on('data', (part: Buffer) => (text += part.toString()))
        message.on('end', () => {
          const name = /"common_name":"(\w+)"/.exec(text)?.[1]
          resolve(message.statusCode === 200 && name !== undefined ? name : (message.statusCode ?? 0))
        })
      }) // prettier-ignore
      sent.on('error', reject)
      sent.end('{}')
    })

  it('an authorised proxy sends base64 of DER, and its own certificate never counts', async () => {
    await start('127.0.0.1')
    expect(await login([der(anna)])).to.equal('anna')
    expect(await login([der(anna)], proxy)).to.equal('anna')
    for (const none of [[], [''], [' ']]) expect(await login(none, proxy)).to.equal(400)
    for (const bad of [
      [der(anna), der(anna)],
      ['x'],
      ['AAAA'],
      [`:${der(anna)}:`],
      [oneLine(anna)],
      [der(anna).slice(0, 99)],
    ])
      expect(await login(bad, proxy), JSON.stringify(bad).slice(0, 40)).to.equal(400)
    const stranger = issue({ commonName: 'stranger', usages: [usage.client] })
    expect(await login([der(stranger)], proxy)).to.equal(400)
    // Only the proxy can renew, too, and only with the certificate of the login.
    expect(await login([der(anna)], undefined, 'auth/token/renew-self')).to.equal(403)
  })

  it('URL, PEM and RFC 9440, in the order of the decoders; a PEM has the intermediate certificates as well', async () => {
    await start('127.0.0.0/8', '"url", "PEM"')
    expect(await login([encodeURIComponent(anna.cert)])).to.equal('anna')
    expect(await login([encodeURIComponent(bert.cert + between.cert)])).to.equal('bert')
    for (const bad of [
      '%',
      '%zz',
      encodeURIComponent(der(anna)),
      encodeURIComponent(oneLine(...Array.from({ length: 11 }, () => anna))),
    ])
      expect(await login([bad]), bad.slice(0, 40)).to.equal(400)
    await server.running.stop()
    await start('127.0.0.1', '"RFC9440"')
    expect(await login([`:${der(anna)}:`])).to.equal('anna')
    for (const bad of [der(anna), `:${der(anna)}`, '::', `:${der(anna)}:, :${der(bert)}:`])
      expect(await login([bad])).to.equal(400)
    await server.running.stop()
    await start('127.0.0.1', '"PEM"')
    expect(await login([oneLine(bert, between)])).to.equal('bert')
  })

  it('from any other address the header is refused, and the certificate of the connection counts', async () => {
    await start('10.0.0.0/8')
    expect(await login([der(anna)])).to.equal(400)
    expect(await login([der(anna)], proxy)).to.equal(400)
    expect(await login([], proxy)).to.equal('proxy')
    expect(await login([''], proxy)).to.equal('proxy')
  })

  it('without the setting, no header counts', async () => {
    server = await tlsServer(
      'x_forwarded_for_authorized_addrs = "127.0.0.1" x_forwarded_for_reject_not_present = false',
    )
    await server.call('POST', 'sys/auth/cert', { type: 'cert' })
    await server.call('POST', 'auth/cert/certs/web', { certificate: root.cert })
    expect(await login([der(anna)])).to.equal(400)
    expect(await login([der(anna)], proxy)).to.equal('proxy')
  })

  it('settings that cannot work are refused at the start', async () => {
    const listed = 'x_forwarded_for_authorized_addrs = "127.0.0.1"'
    for (const [settings, why] of [
      ['x_forwarded_for_client_cert_header = "X-Client-Cert"', /needs x_forwarded_for_authorized_addrs/],
      [`${listed} x_forwarded_for_client_cert_decoders = ["URL"]`, /needs x_forwarded_for_client_cert_header/],
      [`${listed} x_forwarded_for_client_cert_header = "X-Vault-Token"`, /nothing else uses/],
      [`${listed} x_forwarded_for_client_cert_header = "a b"`, /nothing else uses/],
      [
        `${listed} x_forwarded_for_client_cert_header = "X-C" x_forwarded_for_client_cert_decoders = ["DER"]`,
        /has only URL, PEM, RFC9440/,
      ],
    ] as const)
      expect(await tlsServer(settings).then(() => '', String), settings).to.match(why)
  })
})
