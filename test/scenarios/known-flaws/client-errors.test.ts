import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import { Shell } from '../../cli/support.ts'
import { devServer } from '../../support/server.ts'

const token = `hvs.${'Canary'.repeat(8)}`
const secret = 'pw4711canary'

describe('known flaws: errors of our own clients', () => {
  /** Commands with a token in the environment and secrets among their arguments. */
  const commands = [
    'read secret/a', 'list secret', `write secret/a password=${secret}`, 'delete secret/a', 'status', 'token lookup', `token lookup ${token}`, `token revoke ${token}`, `token renew ${token}`, 'kv get -mount=secret a',
    `kv put -mount=secret a password=${secret}`, `kv patch -mount=secret a password=${secret}`, `login ${token}`, `login -method=userpass username=a password=${secret}`, `login -method=approle role_id=a secret_id=${secret}`,
    `operator unseal ${secret}`, `unwrap ${token}`, 'policy list', 'secrets list', 'auth list', 'audit list', `transit encrypt -plaintext=${secret} k`, 'lease lookup x', 'path-help sys', `write auth/userpass/users/a password=${secret}`,
    `write -output-curl-string secret/a b=c`, 'operator rekey -status', 'namespace list', `operator generate-root -decode=${secret} -otp=${secret}`,
  ] // prettier-ignore

  /** Servers that answer what no server of ours would. */
  const answers: Readonly<Record<string, (path: string) => readonly [status: number, body: string, type?: string]>> = {
    'no JSON': () => [200, '<html>proxy</html>', 'text/html'],
    'half of JSON': () => [200, '{"data":'],
    'a refusal': () => [403, '{"errors":["permission denied"]}'],
    'a failure': () => [500, '{"errors":["internal error"]}'],
    'a redirect': () => [307, ''],
    'a list for an object': () => [200, '[]'],
    nothing: () => [200, ''],
  }

  const tried = async (address: string): Promise<void> => {
    for (const command of commands) {
      const shell = new Shell({ VAULT_ADDR: address, VAULT_TOKEN: token, VAULT_MAX_RETRIES: '0' })
      const { code, out, err } = await shell.run(command)
      // A login that succeeded prints its token.
      if (code === 0 && command.startsWith('login')) continue
      for (const text of [out, err]) expect(text, `${command} at ${address}`).to.not.include(token).and.not.include(secret)
    }
  } // prettier-ignore

  for (const [what, answer] of Object.entries(answers))
    it(`GHSA-444v: no command shows its token or its secrets where the response is ${what}`, async () => {
      const server = createServer((request, response) => {
        const [status, body, type = 'application/json'] = answer(request.url ?? '')
        request.resume()
        request.on('end', () => {
          response.writeHead(status, { 'Content-Type': type, ...(status === 307 && { Location: 'http://127.0.0.1:1/v1/x' }) }).end(body)
        }) // prettier-ignore
      })
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
      await tried(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
      server.closeAllConnections()
      server.close()
    })

  it('GHSA-444v: nor where nobody answers, the address is none, or a real server refuses', async () => {
    for (const address of ['http://127.0.0.1:1', 'https://127.0.0.1:1', 'nonsense', 'http://', 'unix:///none']) await tried(address) // prettier-ignore
    const server = await devServer()
    await tried(server.running.address)
    await server.running.stop()
  })
})
