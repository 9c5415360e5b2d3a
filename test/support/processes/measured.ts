import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { TestServer } from '../server.ts'

const program = fileURLToPath(new URL('measured-server.js', import.meta.url))

/** No request may keep the event loop for longer, in milliseconds. */
export const longestTurn = 100
const tries = 4

/** Bytes: of the process, the most it ever had, and of objects and buffers. `handles`: sockets, timers and the like. */
export interface Memory {
  readonly rss: number
  readonly peak: number
  readonly held: number
  readonly handles: number
}

/** A production server in a process of its own, which measures how long it could not turn to anything else. */
export class MeasuredServer {
  readonly #child: ChildProcess
  /** Speaks to it over HTTP with the root token. */
  readonly http: TestServer

  private constructor(child: ChildProcess, http: TestServer) {
    this.#child = child
    this.http = http
  }

  /** @param listener more settings of the listener */
  static async start(listener = ''): Promise<MeasuredServer> {
    const child = fork(program, [listener], { execArgv: ['--expose-gc'] })
    const [{ address, token }] = (await once(child, 'message')) as [{ address: string; token: string }]
    const http = new TestServer({ address, stop: async () => {} } as TestServer['running'], '', '')
    http.token = token
    return new MeasuredServer(child, http)
  }

  /** The longest turn of its event loop while something was done, in milliseconds. */
  async longestTurn(work: () => Promise<unknown>): Promise<number> {
    await this.#ask('begin')
    await work()
    return this.#ask('end')
  }

  /**
   * Fails when something keeps the event loop too long. The machine may take its time elsewhere: only a turn that is long
   * every time is ours.
   */
  async turnsQuickly(what: string, work: () => Promise<unknown>): Promise<void> {
    let best = Infinity
    for (let at = 0; at < tries && best >= longestTurn; at++) best = Math.min(best, await this.longestTurn(work))
    expect(best, `${what} (milliseconds)`).to.be.lessThan(longestTurn)
  }

  /** Its memory and handles, after garbage collection. */
  async memory(): Promise<Memory> {
    this.#child.send('memory')
    const [memory] = (await once(this.#child, 'message')) as [Memory]
    return memory
  }

  async stop(): Promise<void> {
    this.#child.disconnect()
    await once(this.#child, 'exit')
  }

  async #ask(word: 'begin' | 'end'): Promise<number> {
    this.#child.send(word)
    const [longest] = (await once(this.#child, 'message')) as [number]
    return longest
  }
}
