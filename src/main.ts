#!/usr/bin/env node
import { textIn } from './cli/framework/request-data.ts'
import { processStdio } from './cli/framework/stdio.ts'
import { askHidden } from './cli/framework/prompt.ts'
import { run } from './cli/run.ts'
import { guardProcess } from './server/process/harden-process.ts'

/** The `strongroom` binary: the command line, with the server loaded only when one is started. */
async function stdin(): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of process.stdin) parts.push(part as Buffer)
  return textIn(Buffer.concat(parts), 'standard input')
}

const fail = (thrown: unknown): void => {
  // The log has a failed start in JSON already.
  const isLogged = thrown instanceof Error && thrown.name === 'LoggedFailure'
  if (!isLogged) process.stderr.write(`${thrown instanceof Error ? thrown.message : 'an unknown error'}\n`)
  process.exitCode = 1
}

const stdio = processStdio()
// A reader that has seen enough, such as head, is no error; one that was to keep data is: the command says so itself.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (thrown: NodeJS.ErrnoException) => {
    if (!stdio.used()) process.exit(thrown.code === 'EPIPE' ? 0 : 1)
  })

process.exitCode = 1
await run(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  stdin,
  stdio,
  env: process.env,
  ask: askHidden,
  migrate: async (file) => (await import('./server/offline/migrate.ts')).migrateStorage(file),
  serve: async (options) => {
    let crashed: ((kind: string) => void) | undefined
    guardProcess(options.dev === undefined, () => crashed)
    return (await import('./server/start.ts')).startServer({ ...options, onLog: (log) => (crashed = log.crashed) })
  },
  checks: {
    validate: async (paths) => (await import('./config/load.ts')).readConfig(paths),
    diagnose: async (paths, skip) => (await import('./server/diagnose/diagnose.ts')).diagnose(paths, skip),
  },
}).then((status) => (process.exitCode = status), fail)
