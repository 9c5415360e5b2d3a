import type { Body } from '../server.ts'

/** Operations that would stop the server or revoke the caller's own token. */
const ending: ReadonlySet<string> = new Set(['/sys/seal', '/sys/step-down', '/auth/token/revoke-self'])

/** One operation of an OpenAPI document. */
export interface Operation {
  readonly path: string
  readonly method: string
  /** In the path, and in the body or query. */
  readonly names: readonly string[]
  readonly fields: readonly string[]
  /** The type of each field. */
  readonly kinds: Readonly<Record<string, string>>
}

/** The operations of an OpenAPI document, but for those that end the server or the caller's token. */
export function operationsOf(document: Body): Operation[] {
  const found: Operation[] = []
  for (const [path, item] of Object.entries(document['paths'] as Record<string, Record<string, Body>>)) {
    if (ending.has(path)) continue
    const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name as string)
    for (const method of ['get', 'post', 'delete', 'patch'].filter((each) => item[each])) {
      const text = JSON.stringify(item[method]?.['requestBody'] ?? {})
      const schema = /#\/components\/schemas\/(\w+)/.exec(text)?.[1]
      const schemas = (document['components'] as { readonly schemas?: Record<string, Body> } | undefined)?.schemas
      const body = schema ? schemas?.[schema] : findSchema(item[method]?.['requestBody'])
      const properties = (body?.['properties'] ?? {}) as Record<string, { readonly type?: string }>
      const kinds = Object.fromEntries(Object.entries(properties).map(([field, { type = '' }]) => [field, type]))
      found.push({ path, method: method.toUpperCase(), names, fields: Object.keys(properties), kinds })
    }
  }
  return found
}

function findSchema(value: unknown): Body | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if ('properties' in value) return value
  for (const inner of Object.values(value)) {
    const found = findSchema(inner)
    if (found) return found
  }
  return undefined
}
