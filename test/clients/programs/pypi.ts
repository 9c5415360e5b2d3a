import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { resolve } from 'node:path'
import { leaveOut } from '../../support/leave-out.ts'
import { run } from './run.ts'

/**
 * Installs packages from PyPI into a folder of `.clients/`, which is kept between runs. Leaves out what needs them where
 * they cannot be had.
 * @param name of the folder, with the version of what is in it
 * @param packages words for `pip install`
 * @returns the folder, for PYTHONPATH
 */
export async function fromPyPi(here: Mocha.Context, name: string, ...packages: readonly string[]): Promise<string> {
  const kept = resolve('.clients', name)
  if (existsSync(kept)) return kept
  mkdirSync(resolve('.clients'), { recursive: true })
  // Test files run side by side: each installs for itself, and one of them wins.
  const own = `${kept}.${process.pid}`
  const words = ['-m', 'pip', '-q', '--disable-pip-version-check', 'install', '--target', own, ...packages]
  const { code, out } = await run('python3', words)
  if (code !== 0) leaveOut(here, `no Python 3 with pip on this machine, or no PyPI: ${out.trim().slice(-200)}`)
  if (existsSync(kept)) rmSync(own, { recursive: true })
  else renameSync(own, kept)
  return kept
}
