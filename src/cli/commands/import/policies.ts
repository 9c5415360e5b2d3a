import { list, read } from './servers.ts'
import type { Import } from './servers.ts'

const folder = 'sys/policies/acl'

/** ACL policies, as they are written. One of the same name and another text is left as it is. */
export async function importPolicies({ source, target, report }: Import): Promise<void> {
  for (const name of await list(source, folder)) {
    if (name === 'root') continue
    const [item, path] = [{ kind: 'policy', path: name } as const, `${folder}/${name}`]
    await report.attempt(item, async () => {
      const policy = (await read(source, path))?.['policy']
      const present = (await read(target, path))?.['policy']
      if (present === policy) report.same(item)
      else if (present !== undefined) report.left(item, 'the target has a policy of this name with another text')
      else await report.import(item, '', async () => target.send('PUT', path, { policy }))
    })
  }
}
