import { isDeepStrictEqual } from 'node:util'
import type { Mounted } from './mounts.ts'
import { each, read, walk } from './servers.ts'
import type { Import } from './servers.ts'

/** Secrets of a key/value store of version 1. One that the target has with another value is left as it is. */
export async function importKv1(parts: Import, { path: mount }: Mounted): Promise<void> {
  const { source, target, report } = parts
  await each(walk(parts, mount, mount), async (name) => {
    const [item, path] = [{ kind: 'secret', path: `${mount}/${name}` } as const, `${mount}/${name}`]
    await report.attempt(item, async () => {
      const [value, present] = [await read(source, path), await read(target, path)]
      // It was removed meanwhile.
      if (value === undefined) return
      if (isDeepStrictEqual(present, value)) report.same(item)
      else if (present) report.left(item, 'the target has it with another value')
      else await report.import(item, '', async () => target.send('PUT', path, value))
    })
  })
}
