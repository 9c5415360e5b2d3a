import { expect } from 'chai'
import { ProcessServer } from '../../support/processes/process-server.ts'

/** Writes the name of each file that the process loads to its standard error. */
const hook = `
import { writeSync } from 'node:fs'
export const load = (url, context, next) => (writeSync(2, 'loads ' + url + '\\n'), next(url, context))`
const inUrl = (code: string): string => `data:text/javascript,${encodeURIComponent(code)}`
const registered = `import { register } from 'node:module'; register(${JSON.stringify(inUrl(hook))})`

describe('a server whose files are replaced by those of another release while it runs', () => {
  it('has loaded the whole program a second after the start, snapshots and the audit log among it', async () => {
    const server = new ProcessServer(['audit'], 'unsafe_allow_api_audit_creation = true', { NODE_OPTIONS: `--import ${inUrl(registered)}` }) // prettier-ignore
    const loaded = (): readonly string[] => server.serverLog.match(/(?<=\/dist\/)[\w-]+\.js$/gm) ?? []
    await server.start()
    try {
      while (!['unsealed', 'open', 'beside'].every((name) => loaded().some((one) => one.startsWith(`${name}-`))))
        await new Promise(setImmediate)
      // Meanwhile, what these import is loaded as well.
      await server.init()
      const before = loaded()
      await server.unseal()
      await server.done('PUT', 'sys/audit/more', { type: 'file', options: { file_path: `${server.folder}/more.log` } })
      const headers = { 'X-Vault-Token': server.token }
      const snapshot = await fetch(`${server.address}/v1/sys/storage/raft/snapshot`, { headers })
      expect([snapshot.status, (await snapshot.arrayBuffer()).byteLength > 1000]).to.deep.equal([200, true])
      await server.done('PUT', 'sys/seal')
      await server.unseal()
      expect(loaded().slice(before.length)).to.deep.equal([])
    } finally {
      await server.kill()
    }
  })
})
