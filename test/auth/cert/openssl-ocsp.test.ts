import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { temporaryFolder } from '../../support/folder.ts'
import { freePort } from '../../support/free-port.ts'
import { leaveOut } from '../../support/leave-out.ts'
import { ocspSigning } from '../../support/services/ocsp.ts'
import { issue, usage } from '../../support/pki.ts'
import type { Issued } from '../../support/pki.ts'
import { tlsServer } from '../../support/processes/tls-server.ts'
import type { TlsServer } from '../../support/processes/tls-server.ts'

const root = issue({ commonName: 'Root', isAuthority: true })
const delegate = issue({ commonName: 'OCSP', issuer: root, usages: [ocspSigning] })
const client = (commonName: string) => issue({ commonName, issuer: root, usages: [usage.client] })

/** A line of OpenSSL's database of certificates. */
const line = ({ serial }: Issued, isRevoked: boolean): string => {
  const end = '301231235959Z'
  return `${isRevoked ? 'R' : 'V'}\t${end}\t${isRevoked ? '260101000000Z' : ''}\t${serial.toString('hex').toUpperCase()}\tunknown\t/CN=x\n`
}

describe("ocsp of cert logins with OpenSSL's server", () => {
  const [good, revoked, unknown] = [client('good'), client('revoked'), client('unknown')]
  const folder = temporaryFolder()
  let server: TlsServer
  let responder: ChildProcess | undefined
  before(async function () {
    if (spawnSync('openssl', ['version']).status !== 0) leaveOut(this, 'no openssl on this machine')
    server = await tlsServer()
    await server.call('POST', 'sys/auth/cert', { type: 'cert' })
    const files = { 'root.pem': root.cert, 'signer.pem': delegate.cert, 'signer.key': delegate.key, 'root.key': root.key, 'index.txt': line(good, false) + line(revoked, true) } // prettier-ignore
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  })
  after(async () => server?.running.stop())
  afterEach(() => responder?.kill())

  /** Starts it, with the key of the authority or of a delegate, and trusts it. */
  const start = async (signer: 'root' | 'signer', ...more: readonly string[]): Promise<void> => {
    const port = await freePort()
    const words = ['-index', 'index.txt', '-CA', 'root.pem', '-rsigner', `${signer}.pem`, '-rkey', `${signer}.key`]
    responder = spawn('openssl', ['ocsp', '-port', String(port), ...words, ...more], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] }) // prettier-ignore
    await new Promise<void>((resolve) => responder?.stderr?.once('data', () => resolve()))
    const role = { certificate: root.cert, ocsp_enabled: true, ocsp_servers_override: [`http://127.0.0.1:${port}`] }
    expect((await server.call('POST', 'auth/cert/certs/web', role)).status).to.equal(204)
  }
  const statuses = async () =>
    [await server.login(good), await server.login(revoked), await server.login(unknown)].map(({ status }) => status)

  it('signed by the authority: good, revoked and unknown', async () => {
    await start('root', '-ndays', '1')
    expect(await statuses()).to.deep.equal([200, 400, 400])
  })

  it('signed by a delegate, named by its key', async () => {
    await start('signer', '-ndays', '1', '-resp_key_id')
    expect(await statuses()).to.deep.equal([200, 400, 400])
  })

  it('without nextUpdate nobody logs in', async () => {
    await start('root')
    expect(await statuses()).to.deep.equal([503, 503, 503])
  })
})
