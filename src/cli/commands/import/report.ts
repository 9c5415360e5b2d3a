import type { Run } from '../../framework/command.ts'
import { ServerError } from '../../http/errors.ts'
import { printable } from '../../output/printable.ts'
import { showValue } from '../../output/show.ts'

/** One thing of the source. */
export interface Item {
  readonly kind: 'policy' | 'mount' | 'secret' | 'key' | 'role'
  readonly path: string
}

/** `import`: it was, or in a dry run would be, imported. `same`: the target has it. `left`: it is not imported, for a reason. */
type Action = 'import' | 'same' | 'left' | 'failed'

/** What becomes of everything that the source has: shown line by line, or as JSON at the end. */
export class Report {
  readonly #run: Run
  readonly #isDry: boolean
  readonly #items: Record<string, string>[] = []
  readonly #counts: Record<Action, number> = { import: 0, same: 0, left: 0, failed: 0 }

  constructor(run: Run, isDry: boolean) {
    this.#run = run
    this.#isDry = isDry
  }

  same(item: Item): void {
    this.#add(item, 'same', '')
  }

  /** @param why the reason, and the next step if there is one */
  left(item: Item, why: string): void {
    this.#add(item, 'left', why)
  }

  /** Imports it, unless this is a dry run. A refusal of one of the servers is shown, and the import goes on. */
  async import(item: Item, detail: string, work: () => Promise<unknown>): Promise<boolean> {
    if (this.#isDry) this.#add(item, 'import', detail)
    else
      return this.attempt(item, async () => {
        await work()
        this.#add(item, 'import', detail)
      })
    return true
  }

  /** @returns false when a server refused something, which is shown */
  async attempt(item: Item, work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work()
      return true
    } catch (thrown) {
      // Without a response the servers are away, or broken: nothing else would succeed.
      if (!(thrown instanceof ServerError) || thrown.status === 0) throw thrown
      this.#add(item, 'failed', errorsOf(thrown))
      return false
    }
  }

  /** @returns the exit status: 0 unless something failed */
  async end(): Promise<number> {
    const { import: imported, same, left, failed } = this.#counts
    if (this.#run.format !== 'table') await showValue(this.#run, this.#items)
    this.#run.err(
      `${imported} ${this.#isDry ? 'to import' : 'imported'}, ${same} the same, ${left} left out, ${failed} failed`,
    )
    return failed === 0 ? 0 : 2
  }

  #add({ kind, path }: Item, action: Action, detail: string): void {
    this.#counts[action]++
    if (this.#run.format !== 'table') this.#items.push({ kind, path, action, ...(detail && { detail }) })
    else if (action !== 'same')
      this.#run.out(`${action.padEnd(7)} ${kind.padEnd(7)} ${printable(path)}${detail && `: ${printable(detail)}`}\n`)
  }
}

function errorsOf({ status, body, message }: ServerError): string {
  const errors = body?.['errors']
  return Array.isArray(errors) && errors.length > 0 ? `${status} ${errors.map(String).join('; ')}` : message
}
