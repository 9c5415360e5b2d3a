import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { temporaryFolder } from '../support/folder.ts'
import { leaveOut } from '../support/leave-out.ts'
import { issue, usage } from '../support/pki.ts'
import { tlsServer } from '../support/processes/tls-server.ts'
import { run } from './programs/run.ts'

describe('github.com/spiffe/go-spiffe, unmodified', function () {
  // Go compiles everything the first time.
  this.timeout(600_000)
  const folder = temporaryFolder()
  const program = join(folder, 'client')

  before(async function () {
    const built = await run('go', ['build', '-o', program, '.'], { cwd: 'test/clients/go-spiffe' })
    if (built.code === 0) return
    leaveOut(this, `no Go on this machine, or no module proxy: ${built.out.trim().slice(-200)}`)
  })

  it('a workload logs in with its X.509-SVID, for its own SPIFFE ID only', async () => {
    const root = issue({ commonName: 'SPIFFE', isAuthority: true })
    const server = await tlsServer()
    await server.call('POST', 'sys/auth/cert', { type: 'cert' })
    const trusted = { certificate: root.cert, allowed_uri_sans: ['spiffe://shop.example/billing'] }
    await server.call('POST', 'auth/cert/certs/billing', trusted)
    const digitalSignature = { id: '551d0f', value: Buffer.from('03020780', 'hex'), critical: true }
    const login = async (id: string): Promise<string> => {
      const svid = issue({ issuer: root, uri: [id], usages: [usage.client], extensions: [digitalSignature] })
      const [certificate, key] = [join(folder, 'svid.pem'), join(folder, 'key.pem')] as const
      writeFileSync(certificate, svid.cert)
      writeFileSync(key, svid.key)
      const { code, out } = await run(program, [server.running.address, server.ca, certificate, key])
      expect(code, out).to.equal(0)
      return out.trim()
    }
    expect(await login('spiffe://shop.example/billing')).to.equal('200 spiffe://shop.example/billing billing [default]')
    expect(await login('spiffe://shop.example/orders')).to.match(/^400 spiffe:\/\/shop\.example\/orders \[.+\]$/)
    await server.running.stop()
  })
})
