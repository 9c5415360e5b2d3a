import { join } from 'node:path'
import { expect } from 'chai'
import { Shell } from '../../cli/support.ts'
import { openLevelServer } from '../../support/server.ts'

describe('the report about the log of a real server', () => {
  it('distinguishes denied requests from missing paths', async () => {
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

  it('counts a request once, however many devices of the server have it, in every format', async () => {
    const server = await openLevelServer()
    const [first, second] = ['first.log', 'second.log'].map((name) => join(server.folder, name)) as [string, string]
    const enable = async (name: string, path: string): Promise<unknown> =>
      server.data('POST', `sys/audit/${name}`, { type: 'file', options: { file_path: path } })
    const write = async (name: string): Promise<unknown> => server.call('POST', `/v1/cubbyhole/${name}`, { a: 'b' })
    await enable('first', first)
    await write('first-device')
    await enable('second', second)
    for (let at = 0; at < 20; at++) await write(`both-${at}`)
    await write('both-0')
    await server.data('DELETE', 'sys/audit/first')
    await write('second-device')
    await server.running.stop()
    const report = async (flags: string, ...files: readonly string[]): Promise<string> => {
      const shell = new Shell()
      const { out } = await shell.run(`audit report -path=cubbyhole/* ${flags} ${files.join(' ')}`.replace('  ', ' '))
      return out === '' ? shell.bytesOut.toString() : out
    }
    const counts = async (...files: readonly string[]) =>
      JSON.parse(await report('', ...files)) as Record<string, unknown> & { readonly paths: readonly unknown[] }
    expect(await counts(first)).to.include({ requests: 22, in_several_logs: 0 })
    expect(await counts(second)).to.include({ requests: 22, in_several_logs: 0 })
    for (const files of [
      [first, second],
      [second, first],
    ]) {
      const both = await counts(...files)
      expect(both).to.include({ intact: true, requests: 23, in_several_logs: 21 })
      expect(both.paths).to.deep.include({ what: 'cubbyhole/both-0', count: 2 })
      expect(both.paths).to.deep.include({ what: 'cubbyhole/both-1', count: 1 })
      expect((await report('-format=csv', ...files)).trim().split('\r\n')).to.have.length(1 + 23)
      const page = await report('-format=html', ...files)
      expect(page).to.include('21 lines are about requests that an earlier log also has').and.to.match(/>23</)
    }
    expect(await report('-format=html', first)).not.to.include('an earlier log has')
  })
})
