import { join } from 'node:path'
import { expect } from 'chai'
import { Shell } from '../cli/support.ts'
import { openLevelServer } from '../support/server.ts'

describe('the report about the log of a real server', () => {
  it('tells what a policy denied from what there is not', async () => {
    const server = await openLevelServer()
    await server.data('POST', 'sys/mounts/kv', { type: 'kv' })
    const other = await server.tokenWith('path "kv/own" { capabilities = ["read"] }')
    await server.call('GET', '/v1/none/of-root')
    await server.call('GET', '/v1/sys/none-of-root')
    await server.call('DELETE', '/v1/sys/mounts')
    for (const path of ['none/of-other', 'kv/other', 'sys/none-of-other'])
      await server.call('GET', `/v1/${path}`, undefined, { 'X-Vault-Token': other })
    await server.call('GET', '/v1/kv/own', undefined, { 'X-Vault-Token': other })
    await server.running.stop()
    const shell = new Shell()
    const { out } = await shell.run(`audit report -format=csv ${join(server.folder, 'audit.log')}`)
    const text = out === '' ? shell.bytesOut.toString() : out
    const cells = text.trim().split('\n').slice(1).map((row) => row.slice(1, -1).split('","')) // prettier-ignore
    const results = Object.fromEntries(cells.map((row) => [row[4], row[10]]))
    expect(results).to.include({
      'none/of-root': 'failed',
      'sys/none-of-root': 'failed',
      'sys/mounts': 'failed',
      'none/of-other': 'denied',
      'kv/other': 'denied',
      'sys/none-of-other': 'denied',
    })
  })
})
