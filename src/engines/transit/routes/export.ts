import { Fault, refuse } from '../../../contract/fault.ts'
import { f } from '../../../contract/field.ts'
import { versionNumber } from '../../../contract/names.ts'
import { answer, done } from '../../../contract/response.ts'
import { routesOf } from '../../../contract/route.ts'
import type { Call } from '../../../contract/route.ts'
import { backupOf, restoredFrom } from '../formats/backup.ts'
import { describe } from '../formats/describe.ts'
import { exported, isKind } from '../formats/export.ts'
import { exportedMembers, keyMembers } from '../members.ts'
import { shared } from '../input.ts'
import { mustBackUp, trimmed } from '../../../keys/settings.ts'
import type { KeyRecord } from '../../../keys/record.ts'
import type { Transit } from '../transit.ts'
import { Counterpart } from '../counterpart.ts'
import type { Making } from '../counterpart.ts'

const { read, write } = routesOf<Transit>()

const exportFields = {
  kind: f.string('encryption-key, signing-key, hmac-key, cmac-key, public-key or certificate-chain.').or(''),
  name: shared.name,
  format: f.string('raw, der, pem or jwk; by itself the usual one of the type.').or(''),
}

const backingUp: Making = {
  member: 'backup',
  takenBy: 'restore',
  advice: 'remove old versions of the key (keys/<name>/trim), or raise that limit',
}

interface ExportOptions {
  readonly kind: string
  readonly name: string
  readonly format: string
  readonly version?: string
}

type Exporting = Pick<Call<Transit>, 'engine' | 'caller' | 'mountPath'>

async function keysOut(call: Exporting, { kind, name, format, version = '' }: ExportOptions) {
  const { engine } = call
  if (!isKind(kind)) throw refuse(`invalid export type: ${kind}`)
  const key = await engine.keys.find(name)
  if (!key) throw new Fault('not_found', '')
  const keys = exported(key.record, kind, format, version)
  refuseDenied(call, `export/${kind}/${name}`, { keys, format, latest: key.record.latest })
  return answer({ name, type: key.record.type, keys })
}

/** A version or format that a policy denies is also denied as the default or as `latest`. */
function refuseDenied(
  { caller, mountPath }: Exporting,
  path: string,
  {
    keys,
    format,
    latest,
  }: { readonly keys: Readonly<Record<string, string>>; readonly format: string; readonly latest: number },
): void {
  const versions = Object.keys(keys).flatMap((version) =>
    version === String(latest) ? [version, 'latest'] : [version],
  )
  const usualFormat = Object.values(keys).some((text) => text.startsWith('-----BEGIN')) ? 'pem' : 'raw'
  const denied = versions.some((version) => caller.denies(`${mountPath}${path}/${version}`))
  if (denied || (format === '' && caller.deniesValue('format', usualFormat)))
    throw new Fault('permission_denied', 'permission denied')
}

const restoreFields = {
  backup: f.string('The result of `backup`.').secret(),
  force: f.bool('Replace a key of that name.').or(false),
}

interface ExportRequest {
  readonly backup: string | undefined
  readonly force: boolean
}

type Restoring = Pick<Call<Transit>, 'engine' | 'caller' | 'mountPath'>

async function restore({ engine, caller, mountPath }: Restoring, options: ExportRequest, name?: string) {
  const { backup: text, force } = options
  if (!text) throw refuse("'backup' must be supplied")
  const { record, warnings } = await restoredFrom(text, engine.keys.random, engine.keys.clock.now(), name)
  if (caller.denies(`${mountPath}restore/${record.name}`)) throw new Fault('permission_denied', 'permission denied')
  await engine.keys.replace(record, force)
  return done(warnings)
}

/** `export/…`, `backup/…`, `restore/…` and `keys/:name/trim`. */
export const exportRoutes = [
  read('export/:kind/:name', {
    about: 'Export keys, if they are exportable.',
    returns: exportedMembers,
    fields: exportFields,
    handle: keysOut,
  }),
  read('export/:kind/:name/*version', {
    about: 'Export one version of a key, if it is exportable.',
    returns: exportedMembers,
    canonical: { version: versionNumber },
    alias: ({ kind = '', name = '' }) => `export/${kind}/${name}`,
    fields: { ...exportFields, version: f.string('latest, or a number.').or('') },
    handle: keysOut,
  }),
  read('backup/:name', {
    // The time of the backup is stored with the key.
    pure: false,
    about: 'Export a complete key with all versions, in plaintext.',
    returns: { backup: f.string('The key, base64.').secret() },
    fields: { name: shared.name },
    handle: async ({ engine, request }, { name }) => {
      const missing = `key ${name} does not exist: nothing to back up`
      const { record } = (await engine.keys.find(name)) ?? {}
      if (!record) throw refuse(missing)
      mustBackUp(record)
      const backedUp = { at: engine.keys.clock.now(), version: record.latest }
      const made = { backup: await backupOf({ ...record, backedUp }) }
      const { backup } = new Counterpart(request, backingUp).add({}, made)
      await engine.keys.change(name, missing, (key) => {
        if (key.uuid !== record.uuid) throw refuse('the key was replaced meanwhile: nothing was backed up')
        mustBackUp(key)
        return { ...key, backedUp }
      })
      return answer({ backup })
    },
  }),
  write('restore', {
    about: 'Restore a key under its own name.',
    fields: restoreFields,
    handle: (call, options) => restore(call, options),
  }),
  write('restore/:name', {
    about: 'Restore a key under another name.',
    fields: { ...restoreFields, name: shared.name },
    handle: (call, { name, ...options }) => restore(call, options, name),
  }),
  write('keys/:name/trim', {
    about: 'Permanently remove old versions.',
    returns: keyMembers,
    fields: { name: shared.name, min_available_version: f.int('Older versions are removed.') },
    handle: async ({ engine }, { name, min_available_version: version }) => {
      const changed = await engine.keys.change(name, 'invalid key name', (key) => {
        if (version === undefined) throw refuse('missing min_available_version')
        return trimmed(key, version)
      })
      return answer(describe(changed as KeyRecord))
    },
  }),
]
