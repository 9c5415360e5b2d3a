import { readFile } from 'node:fs/promises'
import { randomBytes, randomUUID } from 'node:crypto'
import { blocksOf } from '../../../profile/read.ts'
import { ProfileError } from '../../../profile/profile.ts'
import type { ProfileBlock } from '../../../profile/profile.ts'
import type { SourceWorld } from '../../../profile/sources.ts'
import { systemClock } from '../../../util/clock.ts'
import { parseHcl } from '../../../util/hcl/hcl.ts'
import { HclError } from '../../../util/hcl/values.ts'
import type { Run } from '../../framework/command.ts'
import { UsageError } from '../../framework/flags.ts'
import { fileText } from '../../framework/request-data.ts'

/** The `initialize` blocks of files; what else they have is for the server. @throws UsageError with file and line */
export function blocksIn(run: Run, files: readonly string[]): readonly ProfileBlock[] {
  const blocks: ProfileBlock[] = []
  for (const file of files) {
    const others = new Set<string>()
    for (const item of itemsOf(file))
      if (item.key !== 'initialize') others.add(item.key)
      else blocks.push(...inFile(file, () => blocksOf(item, blocks)))
    if (others.size > 0) run.err(`Note: ${file}: ${[...others].join(', ')} is left to the server.`)
  }
  if (blocks.length === 0) throw new UsageError(`there is no initialize block in ${files.join(', ')}`)
  return blocks
}

const itemsOf = (file: string): ReturnType<typeof parseHcl> => {
  const text = fileText(file)
  return inFile(file, () => parseHcl(text))
}

/** @throws UsageError with file and line */
export function inFile<T>(file: string, step: () => T): T {
  try {
    return step()
  } catch (thrown) {
    if (thrown instanceof HclError || thrown instanceof ProfileError)
      throw new UsageError(`${file}:${thrown.at.line}: ${thrown.message}`)
    throw thrown
  }
}

/** Where values come from on the machine of the operator. */
export function worldOf({ env }: Run): SourceWorld {
  return {
    now: () => systemClock.now(),
    uuid: randomUUID,
    random: randomBytes,
    env: (name) => env[name],
    file: async (path) => readFile(path),
  }
}
