import { Fault, refuse } from '../../../../contract/fault.ts'
import { f } from '../../../../contract/field.ts'
import type { Values } from '../../../../contract/field.ts'
import { answer, done } from '../../../../contract/response.ts'
import type { Response } from '../../../../contract/response.ts'
import { routesOf } from '../../../../contract/route.ts'
import type { Call } from '../../../../contract/route.ts'
import { nameToWrite, path, secretAt } from '../../names.ts'
import { changedCustom, replacedCustom } from '../custom.ts'
import { changedSettings, isGivenIn, settingFields } from '../input.ts'
import { secretMembers, secretView } from '../record.ts'
import type { SecretRecord, Settings } from '../record.ts'
import type { Secrets } from '../secrets.ts'

const { read, write, patch, remove } = routesOf<Secrets>()

const fields = {
  ...path,
  ...settingFields,
  metadata_cas: f
    .int('The version of the metadata that this change replaces; 0: the secret must not exist.')
    .limiting(),
}
const writeFields = {
  ...fields,
  custom_metadata: f.map('Strings by name, for people and tools; replaces the previous ones.').or({}),
}
const patchFields = { ...fields, custom_metadata: f.object('Strings by name; null removes one.').or({}) }

/** `metadata/<name>`: read, write, patch; remove a secret with all its versions. */
export const metadataRoutes = [
  read('metadata/*path', {
    about: 'Read the metadata of a secret.',
    returns: secretMembers,
    fields: path,
    handle: async ({ engine }, { path: name }) => {
      const secret = await engine.find(secretAt(name))
      if (!secret) throw new Fault('not_found', 'no such secret')
      return answer(secretView(secret))
    },
  }),
  write('metadata/*path', {
    about: 'Set metadata of a secret, which need not have a version yet.',
    fields: writeFields,
    exists: async ({ engine }, { path: name = '' }) => (await engine.find(secretAt(name))) !== undefined,
    handle: async (call, values) =>
      change(call, values, isGivenIn(call), confirmedOrFresh(call), () => replacedCustom(values.custom_metadata)),
  }),
  patch('metadata/*path', {
    about: 'Change some metadata of a secret (JSON merge patch, RFC 7396).',
    fields: patchFields,
    handle: async (call, values) =>
      change(call, values, call.isGiven, (old) => old, (old) => changedCustom(old.custom, values.custom_metadata)),
  }),
  remove('metadata/*path', {
    about: 'Permanently remove a secret with all its versions.',
    fields: path,
    handle: async ({ engine }, { path: name }) => {
      const named = secretAt(name)
      if (named !== undefined) await engine.forget(named)
      return done()
    },
  }),
] // prettier-ignore

function confirmedOrFresh({ confirm, engine }: Call<Secrets>): (old: SecretRecord | undefined) => SecretRecord {
  return (old) => {
    confirm(old !== undefined)
    return old ?? engine.fresh()
  }
}

type MetadataValues = Values<typeof fields>
type Custom = SecretRecord['custom']

async function change(
  { engine, isGiven }: Call<Secrets>,
  values: MetadataValues,
  set: (name: string) => boolean,
  start: (old: SecretRecord | undefined) => SecretRecord | undefined,
  custom: (old: SecretRecord) => Custom,
): Promise<Response> {
  const name = nameToWrite(values.path)
  const changes = [...Object.keys(settingFields), 'custom_metadata'].some(isGiven)
  const warnings: string[] = []
  let found = true
  await engine.change(name, (old, mount) => {
    checkMetadataCas(isGiven('metadata_cas'), values.metadata_cas ?? 0, old, mount)
    if (!changes) return undefined
    const secret = start(old)
    found = secret !== undefined
    if (!secret) return undefined
    warnings.splice(0, warnings.length, ...overruled(values, mount))
    return {
      ...secret,
      settings: changedSettings(secret.settings, values, set, false),
      custom: isGiven('custom_metadata') ? custom(secret) : secret.custom,
      metadataVersion: secret.metadataVersion + 1,
      updated: old ? engine.clock.now() : secret.created,
    }
  })
  return found ? done(warnings) : { status: 404 }
}

function checkMetadataCas(isGiven: boolean, cas: number, old: SecretRecord | undefined, mount: Settings): void {
  if (!isGiven) {
    if (mount.metadataCasRequired || old?.settings.metadataCasRequired)
      throw refuse('metadata check-and-set parameter required for this call')
    return
  }
  if (cas !== (old?.metadataVersion ?? 0))
    throw refuse('metadata_cas did not match the current version of the metadata; read it again')
}

/** Warnings about values that have no effect because of the mount's settings. */
function overruled(values: MetadataValues, mount: Settings): readonly string[] {
  return [
    ...(values.cas_required === false && mount.casRequired ? ['cas_required stays in force: the mount requires it'] : []),
    ...(values.metadata_cas_required === false && mount.metadataCasRequired
      ? ['metadata_cas_required stays in force: the mount requires it']
      : []),
  ]
} // prettier-ignore
