import { Numeral } from '../util/json.ts'

/** By block, then by request. */
export type Named = Record<string, Record<string, unknown>>

/** A value that refers to a request which has not been performed, or to a part of it that does not exist. */
export class NotThere extends Error {}

/** The requests and responses of a profile so far. They have secrets: nothing of it is logged. */
export class History {
  readonly requests: Named = emptied()
  readonly responses: Named = emptied()

  /** @throws never: names are unique */
  add(kind: 'requests' | 'responses', block: string, request: string, value: unknown): void {
    ;(this[kind][block] ??= emptied())[request] = value
  }

  /** A value that cannot be known here: whoever looks into it, in whatever language, gets NotThere. */
  addUnknown(kind: 'requests' | 'responses', block: string, request: string): void {
    const refuse = (): never => {
      throw new NotThere(`request "${request}" of "${block}" is not sent here`)
    }
    const traps = { get: refuse, has: refuse, ownKeys: refuse, getOwnPropertyDescriptor: refuse, getPrototypeOf: refuse } // prettier-ignore
    this.add(kind, block, request, new Proxy({}, traps))
  }

  /** @throws NotThere */
  field(kind: 'requests' | 'responses', names: readonly [string, string], selector: readonly unknown[]): unknown {
    const [block, request] = names
    const found = this[kind][block]?.[request]
    if (found === undefined) throw new NotThere(`request "${request}" of "${block}" was not performed, or failed`)
    return selector.reduce<unknown>((of, key) => {
      const name = typeof key === 'number' ? String(key) : key
      if (typeof of === 'object' && of !== null && !(of instanceof Numeral) && typeof name === 'string' && Object.hasOwn(of, name)) return (of as Readonly<Record<string, unknown>>)[name] // prettier-ignore
      throw new NotThere(`request "${request}" of "${block}" has no "${selector.join('.')}"`)
    }, found)
  }
}

/** Names such as `__proto__` are names like others. */
const emptied = <T>(): Record<string, T> => Object.create(null) as Record<string, T>
