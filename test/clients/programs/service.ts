import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { expect } from 'chai'
import { temporaryFolder } from '../../support/folder.ts'

/** A client that runs until it is stopped, and what it prints. */
export class Service {
  readonly folder = temporaryFolder()
  #printed = ''
  #child: ChildProcess | undefined

  start(program: string, words: readonly string[]): void {
    const child = spawn(program, words, { env: { HOME: this.folder }, stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.on('data', (part: Buffer) => (this.#printed += part.toString()))
    child.stderr.on('data', (part: Buffer) => (this.#printed += part.toString()))
    this.#child = child
  }

  /** Waits until something holds, as long as the program runs, and 30 seconds at most. */
  async until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = performance.now() + 30_000
    while (!(await holds())) {
      expect(performance.now(), `never: ${what}\n${this.#printed}`).to.be.lessThan(deadline)
      expect(this.#child?.exitCode, this.#printed).to.equal(null)
      await wait(20)
    }
  }

  async stop(): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
}
