import { f } from '../../../../contract/field.ts'
import { answer, done } from '../../../../contract/response.ts'
import type { Response } from '../../../../contract/response.ts'
import { routesOf } from '../../../../contract/route.ts'
import { nameToWrite, path, secretAt } from '../../names.ts'
import { checkAndSet, valuesOf, version, versionNumber } from '../input.ts'
import { merged } from '../merge.ts'
import { isLive, versionMembers, versionView } from '../record.ts'
import type { SecretRecord } from '../record.ts'
import type { Secrets } from '../secrets.ts'

const { read, write, patch, remove } = routesOf<Secrets>()

const fields = {
  ...path,
  data: f.object('The values.'),
  options: f.object('`cas`: the version that this write replaces; 0: the secret must not exist.').or({}),
}

/** `data/<name>`: read a version, write, patch, delete the newest. */
export const dataRoutes = [
  read('data/*path', {
    about: 'Read a version of a secret.',
    returns: {
      data: f.object('The values; null when the version is deleted or destroyed.').orNull(),
      metadata: f.object('The metadata of the version.'),
    },
    fields: { ...path, ...version },
    handle: async ({ engine }, { path: name, version: wanted }) => {
      const { secret, number, data } = await engine.version(secretAt(name), versionNumber(wanted))
      const content = { data: data ?? null, metadata: versionView(secret, number) }
      return { ...answer(content), ...(!data && { status: 404 }) }
    },
  }),
  write('data/*path', {
    about: 'Write a new version of a secret.',
    returns: versionMembers,
    fields,
    exists: async ({ engine }, { path: name = '' }) => (await engine.find(secretAt(name))) !== undefined,
    handle: async ({ engine, request, confirm }, { path: name, data, options }) => {
      const named = nameToWrite(name)
      const values = valuesOf(request.data['data'], data)
      const { secret } = await engine.write(named, ({ old, settings }) => {
        confirm(old !== undefined)
        checkAndSet(options, old, settings)
        return values
      })
      return newest(secret)
    },
  }),
  patch('data/*path', {
    about: 'Change some values of a secret (JSON merge patch, RFC 7396): a new version.',
    returns: versionMembers,
    fields,
    handle: async ({ engine, request }, { path: name, data, options }) => {
      const named = nameToWrite(name)
      const change = valuesOf(request.data['data'], data)
      const { written, secret } = await engine.write(named, async ({ old, settings, values }) => {
        if (!old || old.current === 0) return undefined
        checkAndSet(options, old, settings)
        const now = await values(old.current)
        return now && merged(now, change)
      })
      return { ...newest(secret), ...(!written && { status: 404 }) }
    },
  }),
  remove('data/*path', {
    about: 'Delete the newest version; it can be restored.',
    fields: path,
    handle: async ({ engine }, { path: name }) => {
      const secret = await engine.find(secretAt(name))
      if (secret) {
        const now = engine.clock.now()
        await engine.changeVersions(name, [secret.current], (one) => (isLive(one, now) ? { ...one, deletedAt: now } : undefined))
      }
      return done()
    },
  }),
] // prettier-ignore

/** The newest version without its values; undefined if there is none. */
function newest(secret: SecretRecord | undefined): Response {
  return secret && secret.current > 0 ? answer(versionView(secret, secret.current)) : {}
}
