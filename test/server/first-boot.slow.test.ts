import { expect } from 'chai'
import { startServer } from '../../src/server/start.ts'
import type { RunningServer } from '../../src/server/start.ts'
import { temporaryFolder } from '../support/folder.ts'
import { keyFile, sealedConfig, staticSeal } from '../support/seals.ts'
import { TestServer } from '../support/server.ts'
import { FailingStorage } from '../support/storages/failing-storage.ts'

const request = (name: string, path: string, data: string): string =>
  `request "${name}" {\n operation = "update"\n path = "${path}"\n data = { ${data} }\n }`

describe('the first boot, at every commit', function () {
  this.timeout(60_000)

  it('is complete, or begins again, wherever it was interrupted', async () => {
    const folder = temporaryFolder()
    const config = sealedConfig(
      folder,
      `${staticSeal(keyFile(folder, 'key'))}\ninitialize "all" {
      ${request('mount', 'sys/mounts/kv', 'type = "kv"')}
      ${request('secret', 'kv/a', 'b = "c"')}
      ${request('token', 'auth/token/create', 'id = "boot-token" no_parent = true policies = ["root"]')}
    }`,
    )
    for (let [commits, isUp] = [0, false]; !isUp; commits++) {
      const storage = new FailingStorage()
      storage.plan = Array<undefined>(commits).fill(undefined)
      storage.always = 'lost'
      const start = async (): Promise<RunningServer> => startServer({ config: [config], storage, log: () => undefined })
      const first = await start().catch(() => undefined)
      isUp = first !== undefined && storage.plan.length > 0
      // It is gone without a word, and what it still does is lost.
      await first?.stop().catch(() => undefined)
      storage.plan = []
      storage.always = undefined
      const server = new TestServer(await start(), folder, config)
      server.token = 'boot-token'
      for (let reply = await server.call('GET', '/v1/kv/a'); ; reply = await server.call('GET', '/v1/kv/a')) {
        if (reply.status === 503) continue
        expect(reply.body['data'], `after ${commits} commits: ${reply.text}`).to.deep.equal({ b: 'c' })
        break
      }
      await server.running.stop()
      if (commits > 5) expect(commits).to.be.lessThan(200)
    }
  })
})
