import { expect } from 'chai'
import { Events } from '../../../src/core/telemetry/events.ts'
import { CertificateWatch } from '../../../src/server/log/certificate-watch.ts'
import { lineLog } from '../../../src/util/log.ts'
import { certificate } from '../../support/certificate.ts'
import { HandClock } from '../../support/clock.ts'

const day = 86_400_000

describe('certificates near their end', () => {
  /** The events that a certificate makes, day by day. */
  function told(days: number, pem: string, start = Date.now()): string[] {
    const clock = new HandClock(start)
    const lines: string[] = []
    const log = lineLog((line) => void lines.push(line), () => clock.now(), { json: true }) // prettier-ignore
    const watch = new CertificateWatch(clock, new Events(log))
    watch.loaded('/etc/tls/server.crt', pem)
    watch.start()
    for (let at = 0; at < days; at++) clock.advance(day)
    watch.stop()
    clock.advance(day)
    return lines.map((line) => {
      const said = JSON.parse(line) as Readonly<Record<string, string>>
      return `${said['@level']} ${said['@event']} ${said['days'] ?? ''}`.trim()
    })
  }

  it('are logged daily in the last month, and as an error after the end', () => {
    const days = (count: number): string => certificate({ ends: count * 86_400 }).cert
    expect(told(2, days(400))).to.deep.equal([])
    expect(told(3, days(400), Date.now() + 367.5 * day)).to.deep.equal(['warn certificate_expires 29'])
    expect(told(2, days(400), Date.now() + 398.5 * day)).to.deep.equal([
      'warn certificate_expires 1',
      'warn certificate_expires 0',
      'error certificate_expired',
    ])
  })

  it('with a short life are logged in its last third, and the first of a chain counts', () => {
    const short = certificate({ ends: 6 * 86_400 }).cert
    expect(told(3, short)).to.deep.equal([])
    expect(told(5, short)).to.deep.equal(['warn certificate_expires 1', 'warn certificate_expires 0'])
    expect(told(0, certificate({ ends: 400 * 86_400 }).cert + certificate({ ends: 60 }).cert)).to.deep.equal(['warn certificate_expires 0'])
  }) // prettier-ignore

  it('are not logged in a format that only TLS reads, and stop no server', () => {
    const trusted = certificate({ ends: 60 }).cert.replaceAll(' CERTIFICATE', ' TRUSTED CERTIFICATE')
    expect(told(2, trusted)).to.deep.equal([])
  })
})
