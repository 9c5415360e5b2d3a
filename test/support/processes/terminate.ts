import type { ChildProcess } from 'node:child_process'

/** Sends SIGTERM to a process, if it is running, and waits for its end. */
export async function terminate(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null) return
  const ended = new Promise((done) => child.once('close', done))
  child.kill('SIGTERM')
  await ended
}
