import type { Mounted } from './mounts.ts'
import { list, read } from './servers.ts'
import type { Import } from './servers.ts'

/** Transit keys that may leave the source, with all their versions, by Vault's backup of a key. */
export async function importTransit({ source, target, report }: Import, { path: mount }: Mounted): Promise<void> {
  for (const name of await list(source, `${mount}/keys`)) {
    const [item, path] = [{ kind: 'key', path: `${mount}/keys/${name}` } as const, `${mount}/keys/${name}`]
    await report.attempt(item, async () => {
      const [theirs, ours] = [await read(source, path), await read(target, path)]
      // It was removed meanwhile.
      if (!theirs) return
      const version = Number(theirs['latest_version'])
      if (ours && ours['type'] === theirs['type'] && Number(ours['latest_version']) === version) report.same(item)
      else if (ours) report.left(item, 'the target has another key of this name, or other versions of it')
      else if (theirs['exportable'] !== true || theirs['allow_plaintext_backup'] !== true)
        report.left(item, `it may not leave the source: write exportable=true and allow_plaintext_backup=true to ${path}/config there, or rewrap its data with a new key`) // prettier-ignore
      else
        await report.import(
          item,
          `${String(theirs['type'])}, ${version} version${version === 1 ? '' : 's'}`,
          async () => {
            const backup = (await read(source, `${mount}/backup/${name}`))?.['backup']
            await target.send('POST', `${mount}/restore/${name}`, { backup })
          },
        )
    })
  }
}
