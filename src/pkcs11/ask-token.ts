import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import type { Clock } from '../util/clock.ts'
import type { TokenAnswer, TokenJob } from './job.ts'

/** How long a token may take, milliseconds: HSMs in a network take seconds to be found. */
const longestWait = 30_000

// After compilation, this file and that of the process are in the same folder.
const tokenProcess = new URL('token-process.js', import.meta.url)

/**
 * Asks a token in a process of its own, which ends with the answer: a library that crashes or hangs fails this job only, and no
 * session has to be kept alive. Failures are answers, too.
 */
export async function askToken(
  job: TokenJob,
  clock: Clock,
  program: URL | string = tokenProcess,
): Promise<TokenAnswer> {
  const child = started(program)
  if (!child) return notStarted
  let isLate = false
  const deadline = clock.after(longestWait, () => {
    isLate = true
    child.kill('SIGKILL')
  })
  const ended = (how: string): string =>
    isLate ? `no answer within ${longestWait / 1000} seconds` : `its library ended the process (${how})`
  return answerOf(child, job, ended).finally(() => {
    deadline.cancel()
    // Its library could hang at the end, too.
    child.kill('SIGKILL')
  })
}

const notStarted = { kind: 'failed', fault: 'device', why: 'its process could not be started' } as const

/** Undefined without memory or file descriptors. Nobody may signal such a process: it has no id, and the signal would go to this server. */
function started(program: URL | string): ChildProcess | undefined {
  try {
    const child = fork(program, { serialization: 'advanced', execArgv: [], env: environment(), stdio: ['ignore', 'ignore', 'ignore', 'ipc'] }) // prettier-ignore
    child.on('error', () => {})
    return child.pid === undefined ? undefined : child
  } catch {
    return undefined
  }
}

async function answerOf(child: ChildProcess, job: TokenJob, ended: (how: string) => string): Promise<TokenAnswer> {
  return new Promise((resolve) => {
    const fail = (why: string): void => resolve({ kind: 'failed', fault: 'device', why })
    child.once('message', (answer) => resolve(answer as TokenAnswer))
    child.once('error', () => resolve(notStarted))
    child.once('exit', (code, signal) => fail(ended(signal ?? `status ${code}`)))
    child.send(job, () => {})
  })
}

/** Libraries find their configuration in the environment; secrets of this server are none of it. */
const environment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:BAO|VAULT|AWS)_|^NODE_OPTIONS$/.test(name)))
