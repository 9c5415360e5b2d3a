import type { Json } from '../../../util/json.ts'
import { ServerError } from '../../http/errors.ts'
import type { Run } from '../../framework/command.ts'
import { UsageError } from '../../framework/flags.ts'
import { keyShareOf } from './key-share.ts'

/**
 * The API of an operation with key shares of several people. It has two paths: a public one, which a listener may disable
 * (by `setting`), and one for a token. The first is tried first, as by Vault's clients; `base` is its path, `guarded` the other.
 */
export class KeyShareOperation {
  readonly #run: Run
  #base: string
  readonly #guarded: string
  readonly #setting: string

  constructor(run: Run, base: string, guarded: string, setting: string) {
    this.#run = run
    this.#setting = setting
    this.#base = base
    this.#guarded = guarded
  }

  async remove(part: string, query: Readonly<Record<string, unknown>> = {}): Promise<void> {
    await this.#withBase(async (base) => this.#run.client.send('DELETE', `${base}/${part}`, undefined, { query }))
  }

  async #withBase<T>(send: (base: string) => Promise<T>): Promise<T> {
    try {
      return await send(this.#base)
    } catch (thrown) {
      if (!isDisabled(thrown) || this.#base === this.#guarded) throw this.#explained(thrown)
      if (this.#run.environment.token() === '') throw this.#explained(thrown)
      this.#base = this.#guarded
      return this.#withBase(send)
    }
  }

  /** A state of the operation, or what came of it. The guarded door wraps it in an envelope. @throws ServerError */
  async state(method: 'GET' | 'PUT', part: string, data?: Readonly<Record<string, unknown>>): Promise<Json> {
    const body = await this.ask(method, part, data)
    return (body['data'] ?? body) as Json
  }

  /** Whatever the operation answers has one of these. @throws ServerError */
  async ask(method: 'GET' | 'PUT', part: string, data?: Readonly<Record<string, unknown>>): Promise<Json> {
    const ask = async (path: string): Promise<Json> =>
      this.#run.client.ask(['nonce', 'started', 'complete'], method, path, data, { noRetry: method === 'PUT' })
    return this.#withBase(async (base) => ask(`${base}/${part}`))
  }

  /** The next step where the server refuses requests without a token, or with this one. */
  #explained(thrown: unknown): unknown {
    if (!(thrown instanceof ServerError)) return thrown
    if (thrown.status === 403 && this.#base === this.#guarded)
      return thrown.withHint(`a policy must allow ${this.#guarded}/*; policies/operator.hcl does`)
    if (isDisabled(thrown))
      return thrown.withHint(
        `log in with a token whose policy allows ${this.#guarded}/*, as policies/operator.hcl does; without any token, set ` +
          `${this.#setting} = false in the listener, restart the server, and unseal it`,
      )
    return thrown
  }

  /** Cancels it: only the one with the nonce, if one is given. */
  async cancel(part: string): Promise<void> {
    const nonce = this.#run.flags.string('nonce')
    await this.remove(part, nonce === undefined ? {} : { nonce })
  }

  /** One person's share for the operation with this nonce. @throws UsageError */
  async share(nonceNow: string): Promise<{ readonly key: string; readonly nonce: string }> {
    const nonceFlag = this.#run.flags.string('nonce')
    if (nonceFlag === undefined && this.#run.args.length > 0)
      throw new UsageError(
        'give the nonce of the operation with -nonce, so that the share cannot go to another operation',
      )
    const nonce = nonceFlag ?? nonceNow
    return { key: await keyShareOf(this.#run, `Operation nonce: ${nonce}\nKey share (will be hidden): `), nonce }
  }
}

/** The response of a listener with a disabled public path: 405 from strongroom, and from others as if it did not exist. */
function isDisabled(thrown: unknown): boolean {
  return thrown instanceof ServerError && (thrown.status === 405 || /unsupported path/.test(thrown.message))
}

/** Flags of every such operation. */
export const keyShareFlags = {
  init: { kind: 'bool', about: 'Start the operation.' },
  status: { kind: 'bool', about: 'Show the progress.' },
  cancel: { kind: 'bool', about: 'Cancel the operation and discard the shares submitted so far.' },
  nonce: { kind: 'string', about: 'The nonce of the operation, from the person who started it.' },
} as const
