import { Fault } from '../fault.ts'
import { answer, done } from '../response.ts'
import type { Response } from '../response.ts'
import type { Call } from '../route.ts'
import type { View } from '../view.ts'
import type { Shape } from '../../util/stored/shape.ts'
import { namesIn } from './page.ts'
import type { Page } from './page.ts'

/** What the records of one kind are, such as the roles of a login method. */
interface RecordKind<R> {
  /** Singular and plural, for messages. */
  readonly noun: readonly [string, string]
  /** The folder of the view that has them. */
  readonly folder: string
  readonly keyOf: (name: string) => string
  readonly shape: Shape<R>
  /** The members of the response to a read. */
  readonly rendered: (record: R) => Readonly<Record<string, unknown>>
}

type State = { readonly view: View }
type Named = { readonly name: string }

/** The handlers of the routes of records that have a name in their path: list, read, change and remove. */
export class NamedRecords<R extends object> {
  readonly #kind: RecordKind<R>

  constructor(kind: RecordKind<R>) {
    this.#kind = kind
  }

  /** @throws Fault not_found if there are none */
  readonly list = async ({ engine }: Pick<Call<State>, 'engine'>, page: Page): Promise<Response> => {
    const { folder, noun } = this.#kind
    return answer({ keys: await namesIn(engine.view, folder, `no ${noun[1]}`, page) })
  }

  /** @throws Fault not_found */
  readonly read = async ({ engine }: Pick<Call<State>, 'engine'>, { name }: Named): Promise<Response> => {
    const { keyOf, shape, rendered, noun } = this.#kind
    const record = await engine.view.get(keyOf(name), shape)
    if (!record) throw new Fault('not_found', `no such ${noun[0]}`)
    return answer(rendered(record))
  }

  /** For `exists` of the route that changes them. */
  readonly exists = async (
    { engine }: { readonly engine: State },
    { name = '' }: { readonly name?: string },
  ): Promise<boolean> => (await engine.view.get(this.#kind.keyOf(name), this.#kind.shape)) !== undefined

  readonly remove = async ({ engine }: Pick<Call<State>, 'engine'>, { name }: Named): Promise<Response> => {
    await engine.view.del(this.#kind.keyOf(name))
    return done()
  }

  /** Creates or changes a record, in one commit, if it exists exactly when the policy was asked so. @param next throws a Fault for values that do not fit */
  async change(
    { engine, confirm }: Pick<Call<State>, 'engine' | 'confirm'>,
    name: string,
    next: (old: R | undefined) => R,
  ): Promise<R> {
    const { keyOf, shape } = this.#kind
    return engine.view.transaction(async (tx) => {
      const old = await tx.get(keyOf(name), shape)
      confirm(old !== undefined)
      const changed = next(old)
      tx.put(keyOf(name), changed)
      return changed
    })
  }
}
