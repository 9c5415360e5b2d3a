import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { ProcessServer } from '../../support/processes/process-server.ts'

const hook = fileURLToPath(new URL('../../support/processes/stop-at-step.js', import.meta.url))
const names = Array.from({ length: 8 }, (_, at) => `kv/s${at}`)

/** A server that dies before a step of a restore. */
class Dying {
  readonly #env: Record<string, string> = { NODE_OPTIONS: `--import=${hook}` }
  readonly server = new ProcessServer(['audit'], '', this.#env)
  #file = new Uint8Array()

  async prepare(): Promise<void> {
    await this.#start(0)
    await this.server.init()
    await this.server.unseal()
    await this.server.done('POST', 'sys/mounts/kv', { type: 'kv' })
    await this.#write('saved')
    const answer = await this.#send('GET')
    this.#file = new Uint8Array(await answer.arrayBuffer())
  }

  /** @returns what the server has after a restart, and whether the restore came through */
  async dieAt(step: number): Promise<{ readonly has: string; readonly written: string; readonly survived: boolean }> {
    const written = `before ${step}`
    await this.server.kill()
    await this.#start(step)
    await this.#unseal()
    await this.#write(written)
    const survived = await this.#send('POST', this.#file).then(({ status }) => status === 200, () => false) // prettier-ignore
    await this.server.kill()
    await this.#start(0)
    await this.#unseal()
    return { has: await this.#read(), written, survived }
  }

  /** What lies in the folder of the storage besides the database in use and the one before it. */
  leftovers(): readonly string[] {
    return readdirSync(this.server.data).filter((name) => /^(restoring|snapshot)-|tmp$/.test(name))
  }

  async #start(step: number): Promise<void> {
    this.#env['STOP_AT_STEP'] = String(step)
    await this.server.start()
  }

  /** The audit log is newer than what was restored: it is accepted. */
  async #unseal(): Promise<void> {
    const { error } = await this.server.unseal()
    const [, code] = /-accept-audit-log=([0-9a-f]+)/.exec(error) ?? []
    const { body } = code === undefined ? await this.server.call('GET', 'sys/seal-status') : await this.server.unseal({ accept_audit_log: code }) // prettier-ignore
    expect(body, error).to.include({ sealed: false })
  }

  async #write(value: string): Promise<void> {
    await Promise.all(names.map(async (name) => this.server.done('POST', name, { value })))
  }

  /** The value that all of them have. */
  async #read(): Promise<string> {
    const found = await Promise.all(names.map(async (name) => this.server.done('GET', name)))
    const values = new Set(found.map(({ data }) => (data as { readonly value: string }).value))
    expect([...values], 'a mixture').to.have.length(1)
    return [...values].join('')
  }

  async #send(method: string, body?: Uint8Array): Promise<Response> {
    const headers = { 'X-Vault-Token': this.server.token }
    return fetch(`${this.server.address}/v1/sys/storage/raft/snapshot`, { method, headers, ...(body && { body }) })
  }
}

describe('a server that is killed while it restores a snapshot', function () {
  this.timeout(300_000)

  it('has its old data or that of the snapshot, complete, whatever the step', async () => {
    const lanes = [new Dying(), new Dying()]
    const seen = new Set<string>()
    let steps = 0
    const lane = async (dying: Dying, first: number): Promise<void> => {
      await dying.prepare()
      for (let step = first; ; step += lanes.length) {
        const { has, written, survived } = await dying.dieAt(step)
        expect(has, `killed before step ${step}`).to.be.oneOf(survived ? ['saved'] : ['saved', written])
        expect(dying.leftovers()).to.deep.equal([])
        if (survived) return
        seen.add(has === 'saved' ? 'new' : 'old')
        steps = Math.max(steps, step)
      }
    }
    try {
      await Promise.all(lanes.map(lane))
    } finally {
      await Promise.all(lanes.map(async ({ server }) => server.kill()))
    }
    expect([...seen].sort()).to.deep.equal(['new', 'old'])
    expect(steps).to.be.greaterThan(10)
  })
})
