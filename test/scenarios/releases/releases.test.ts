import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { ProcessServer } from '../../support/processes/process-server.ts'
import { putFiles } from './release.ts'
import type { Release } from './release.ts'

const folder = 'test/scenarios/releases'
const names = readdirSync(folder).filter((name) => name.endsWith('.json'))

describe('a data folder that an earlier release wrote', function () {
  this.timeout(60_000)

  it('is there for each release', () => expect(names).to.not.deep.equal([]))

  for (const name of names)
    it(`is opened, read and written: ${name}`, async () => {
      const { share, token, files, questions } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Release
      const server = new ProcessServer()
      putFiles(files, server.folder)
      server.token = token
      const open = async (): Promise<void> => {
        await server.start()
        const { body, error } = await server.call('PUT', 'sys/unseal', { key: share })
        expect(body, error).to.include({ sealed: false })
      }
      const asks = async (): Promise<void> => {
        for (const { method, path, body, answer } of questions) {
          const reply = await server.call(method, path, body)
          expect(reply.status, `${path}: ${reply.error}`).to.equal(200)
          expect(reply.body['data'] ?? {}, path).to.deep.include(answer)
        }
      }
      try {
        await open()
        await asks()
        await server.done('POST', 'one/a/c', { written: 'now' })
        await server.done('POST', 'two/data/team/db', { data: { at: 4 } })
        await server.done('POST', 'transit/keys/ed25519/rotate', {})
        await server.kill()
        await open()
        expect((await server.done('GET', 'one/a/c'))['data']).to.deep.equal({ written: 'now' })
        expect(server.lines().length).to.be.greaterThan(questions.length)
      } finally {
        await server.kill()
      }
    })
})
