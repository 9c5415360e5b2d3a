import { expect } from 'chai'
import { needsSudo } from '../../../src/cli/http/sudo-paths.ts'
import { devServer } from '../../support/server.ts'

type Operations = Readonly<Record<string, { readonly operationId?: string; readonly 'x-vault-sudo'?: boolean }>>

/** These need sudo on other servers with Vault's API; ours has no such path, or judges the request itself. */
const elsewhere = ['/auth/token/create-orphan', '/auth/token/revoke-orphan', '/sys/unseal']

describe('paths that need sudo', () => {
  it('are those of the OpenAPI document, for every path whose operations all need it', async () => {
    const server = await devServer()
    const { body } = await server.call('GET', '/v1/sys/internal/specs/openapi')
    await server.running.stop()
    const wrong: string[] = []
    let needing = 0
    for (const [path, item] of Object.entries(body['paths'] as Readonly<Record<string, Operations>>)) {
      if (elsewhere.includes(path)) continue
      const operations = Object.values(item).filter(({ operationId }) => operationId !== undefined)
      const needed = operations.every((operation) => operation['x-vault-sudo'] === true)
      if (needed) needing++
      if (needsSudo(path.slice(1)) !== needed) wrong.push(path)
    }
    expect(wrong).to.deep.equal([])
    expect(needing).to.be.greaterThan(15)
  })

  it('are matched as a whole', () => {
    for (const path of ['sys/audit/', 'sys/auditor', 'sys/auth', 'sys/leases/lookup', 'secret/sys/seal', 'sys/seal/x'])
      expect(needsSudo(path), path).to.equal(false)
    for (const path of ['sys/audit', 'sys/audit/a/b', 'sys/auth/a', 'sys/raw/x'])
      expect(needsSudo(path), path).to.equal(true)
  })
})
