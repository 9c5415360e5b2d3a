import type { Reply, TestServer } from '../server.ts'

/** One way to say which namespace a request is for: by the header, by the path, or by some of both. */
export interface Spelling {
  readonly header: string
  readonly prefix: string
}

/** All ways to name a namespace: `a/b/` is `a/b` in the header, in the path, or `a` in one and `b` in the other. */
export function spellings(namespace: string): Spelling[] {
  const names = namespace.split('/').filter((name) => name !== '')
  return Array.from({ length: names.length + 1 }, (_, cut) => ({
    header: names.slice(0, cut).join('/'),
    prefix: names
      .slice(cut)
      .map((name) => `${name}/`)
      .join(''),
  }))
}

/** A request in a namespace. */
export async function ask(
  server: TestServer,
  { header, prefix }: Spelling,
  token: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<Reply> {
  return server.call(method, `/v1/${prefix}${path}`, body, {
    ...(token !== '' && { 'X-Vault-Token': token }),
    ...(header !== '' && { 'X-Vault-Namespace': header }),
  })
}

/** The same by the header alone. @throws unless it succeeds */
export async function inside(
  server: TestServer,
  namespace: string,
  method: string,
  path: string,
  body?: unknown,
  token = server.token,
): Promise<Readonly<Record<string, unknown>>> {
  const reply = await ask(server, { header: namespace, prefix: '' }, token, method, path, body)
  if (reply.status >= 300) throw new Error(`${method} ${path} in "${namespace}": ${reply.status} ${reply.text}`)
  return (reply.body['data'] ?? {}) as Readonly<Record<string, unknown>>
}

/** Makes a namespace and all above it that are missing. */
export async function makeNamespace(server: TestServer, path: string): Promise<void> {
  const names = path.split('/').filter((name) => name !== '')
  for (const [at, name] of names.entries())
    await inside(server, names.slice(0, at).join('/'), 'POST', `sys/namespaces/${name}`, {})
}

/** A token of a namespace with one policy of these rules. */
export async function tokenIn(
  server: TestServer,
  namespace: string,
  rules: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<{ readonly client_token: string; readonly accessor: string }> {
  const name = `p${Math.floor(performance.now() * 1000)}`
  await inside(server, namespace, 'PUT', `sys/policies/acl/${name}`, { policy: rules })
  const asked = { policies: [name], no_default_policy: true, ...more }
  const reply = await ask(server, { header: namespace, prefix: '' }, server.token, 'POST', 'auth/token/create', asked)
  if (reply.status !== 200) throw new Error(reply.text)
  return reply.body['auth'] as { readonly client_token: string; readonly accessor: string }
}
