import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'

/**
 * Loaded before the program by `--import`. From the step on that makes the folder of a restore, steps that change files are
 * counted; before the one with the number STOP_AT_STEP the process dies without a word. The database itself writes on threads
 * of its own, between these steps.
 */
const wanted = Number(process.env['STOP_AT_STEP'])
const functions = fs as unknown as Record<string, (...args: readonly unknown[]) => Promise<unknown>>
let [step, begun] = [0, false]

for (const name of ['mkdir', 'open', 'rename', 'rm', 'writeFile', 'copyFile', 'link', 'statfs']) {
  const real = functions[name] as (...args: readonly unknown[]) => Promise<unknown>
  functions[name] = async (...args) => {
    begun ||= /restoring-[0-9a-f]{32}$/.test(String(args[0]))
    if (begun && ++step === wanted) process.kill(process.pid, 'SIGKILL')
    return real(...args)
  }
}
syncBuiltinESMExports()
