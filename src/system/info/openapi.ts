import { Fault } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { apiPathOf } from '../../contract/mount.ts'
import type { MountRecord } from '../../contract/mount.ts'
import type { Response } from '../../contract/response.ts'
import { body } from '../../contract/wire/returns.ts'
import { routesOf } from '../../contract/route.ts'
import type { Call, Route } from '../../contract/route.ts'
import { openApiDocument } from './openapi-document.ts'
import type { DescribedMount } from './openapi-document.ts'

/** The port of these routes. */
export interface OpenApiPort {
  /** All mounts, with their routes. */
  offered(): readonly { readonly record: MountRecord; readonly routes: readonly Route[] }[]
}

type Has = { readonly openApi: OpenApiPort }
const { read, write } = routesOf<Has>()

/** `sys/internal/specs/openapi`: the mounts that the caller can access; without a token, the public routes. */
export function openApiRoutes(): Route<Has>[] {
  const options = {
    about: 'The API as an OpenAPI document.',
    returns: body({
      openapi: f.string('The version of the format.'),
      info: f.object('The title.'),
      servers: f.array('Where the paths stand.'),
      paths: f.object('The operations, by path.'),
      components: f.object('Schemas that several operations share.'),
    }),
    access: 'public',
    fields: {
      generic_mount_paths: f.bool('Parameters in place of the paths of mounts.').or(false),
      context: f.string('Accepted without effect.').or(''),
    },
    handle: (
      call: Call<Has>,
      { generic_mount_paths: generic }: { readonly generic_mount_paths: boolean },
    ): Response => ({ data: openApiDocument(described(call, generic)) }),
  } as const
  return [read('internal/specs/openapi', options), write('internal/specs/openapi', { ...options, pure: true })]
}

function described({ engine, caller, request }: Call<Has>, generic: boolean): DescribedMount[] {
  if (request.credential.kind !== 'none' && !caller.token) throw new Fault('unauthenticated', 'permission denied')
  const mounts: DescribedMount[] = []
  for (const { record, routes } of engine.openApi.offered()) {
    const open = routes.filter(({ access }) => access === 'public')
    const visible = caller.reaches(apiPathOf(record)) ? routes : open
    mounts.push({ ...placeOf(record, generic), tag: record.type, routes: visible })
  }
  return mounts
}

/** A mount at any path is described by a parameter, if requested. */
function placeOf(record: MountRecord, generic: boolean): Pick<DescribedMount, 'prefix' | 'prefixParameters'> {
  if (!generic || record.builtin) return { prefix: apiPathOf(record) }
  const name = `${record.type}_mount_path`
  return {
    prefix: apiPathOf({ kind: record.kind, path: `{${name}}/` }),
    prefixParameters: { [name]: record.path.slice(0, -1) },
  }
}
