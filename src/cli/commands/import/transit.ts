import type { Json } from '../../../util/json.ts'
import { textOf } from '../../output/table.ts'
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
      if (ours && isSame(ours, theirs)) report.same(item)
      else if (ours && ours['type'] === 'hmac')
        report.left(item, 'the target has one, and no server tells whether it is the same: compare what both make of one input') // prettier-ignore
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

/** Whether two keys of one name are one key. Of a newest version, the public half tells, or the second in which it was made. */
function isSame(ours: Json, theirs: Json): boolean {
  if (ours['type'] !== theirs['type'] || String(ours['latest_version']) !== String(theirs['latest_version']))
    return false
  const [present, wanted] = [newest(ours), newest(theirs)]
  return present !== undefined && present === wanted
}

function newest({ keys, latest_version: version }: Json): string | undefined {
  const found = (keys as Readonly<Record<string, unknown>> | undefined)?.[String(version)]
  if (found === undefined || found === null) return undefined
  const { public_key: publicKey, creation_time: made } = found as Json
  if (typeof publicKey === 'string' && publicKey !== '') return publicKey.trim()
  return made === undefined ? textOf(found) : String(Math.floor(Date.parse(textOf(made)) / 1000))
}
