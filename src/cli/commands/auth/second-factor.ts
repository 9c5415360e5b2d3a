import type { Json } from '../../../util/json.ts'
import type { Run } from '../../framework/command.ts'
import { NoTerminal } from '../../framework/prompt.ts'
import { ServerError } from '../../http/errors.ts'
import { textOf } from '../../output/table.ts'

/** A login that waits for its second factor. */
interface Waiting {
  readonly id: string
  /** For each demand the first of its methods, once each. */
  readonly methods: readonly { readonly id: string; readonly name: string }[]
}

/**
 * Continues a login that waits for its second factor: prompts for the codes, and sends them. Any other response is returned
 * unchanged.
 * @throws ServerError with the command to continue, if there is no terminal
 */
export async function withSecondFactor(run: Run, body: Json): Promise<Json> {
  const waiting = waitingIn(body)
  if (!waiting) return body
  const payload: Record<string, readonly string[]> = {}
  for (const { id, name } of waiting.methods) payload[id] = [(await askFor(run, name || id, waiting)).trim()]
  const data = { mfa_request_id: waiting.id, mfa_payload: payload }
  return run.client.ask('auth', 'PUT', 'sys/mfa/validate', data, { token: '', noRetry: true })
}

async function askFor(run: Run, name: string, waiting: Waiting): Promise<string> {
  if (run.flags.bool('non-interactive')) throw waits(waiting)
  return run.ask(`Code of ${JSON.stringify(name)} (will be hidden): `).catch((thrown: unknown) => {
    throw thrown instanceof NoTerminal ? waits(waiting) : thrown
  })
}

function waits({ id, methods }: Waiting): ServerError {
  const payload = Object.fromEntries(methods.map((method) => [method.id, ['CODE']]))
  const input = JSON.stringify({ mfa_request_id: id, mfa_payload: payload })
  const text = 'the login waits for a second factor, for 5 minutes: there is no token yet'
  return new ServerError(text).withHint(
    `echo '${input}' | strongroom write sys/mfa/validate -\n  or log in again with -mfa=${methods.map((method) => method.id).join(':CODE -mfa=')}:CODE`,
  )
}

/** @throws ServerError for a malformed requirement, because its parts are shown for a shell */
function waitingIn(body: Json): Waiting | undefined {
  const { mfa_requirement: requirement } = (body['auth'] ?? {}) as { readonly mfa_requirement?: Json | null }
  if (!requirement) return undefined
  const { mfa_request_id: id, mfa_constraints: constraints } = requirement
  const methods = new Map<string, { readonly id: string; readonly name: string }>()
  for (const demand of Object.values(
    (constraints ?? {}) as Readonly<Record<string, { readonly any?: readonly Json[] }>>,
  )) {
    const method = demand.any?.find(({ type }) => type === 'totp')
    if (!isPlain(method?.['id'])) throw unknownDemand()
    methods.set(method['id'], { id: method['id'], name: textOf(method['name']) })
  }
  if (!isPlain(id) || methods.size === 0) throw unknownDemand()
  return { id, methods: [...methods.values()] }
}

const isPlain = (value: unknown): value is string => typeof value === 'string' && /^[\w-]+$/.test(value)

const unknownDemand = (): ServerError =>
  new ServerError('the server requires a second factor that this command does not support: it supports totp')
