import { spawn } from 'node:child_process'

/** How a program ended and what it printed, errors included. */
export interface Ended {
  readonly code: number
  readonly out: string
}

/** Runs a program to its end, while this process goes on serving. One that cannot be started ends with 127. */
export async function run(
  program: string,
  words: readonly string[],
  { cwd = '.', env = {} }: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Ended> {
  const child = spawn(program, words, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  child.stdout.on('data', (part: Buffer) => (out += part.toString()))
  child.stderr.on('data', (part: Buffer) => (out += part.toString()))
  return new Promise((resolve) => {
    child.on('error', (thrown) => resolve({ code: 127, out: String(thrown) }))
    child.on('close', (code) => resolve({ code: code ?? 1, out }))
  })
}
