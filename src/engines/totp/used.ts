import { refuse } from '../../contract/fault.ts'
import type { Fault } from '../../contract/fault.ts'
import type { Transaction, View } from '../../contract/view.ts'
import { recent } from '../../util/caches/recent.ts'
import { isCount, isListOf, isText, isTime, hasMembers, shapeOf } from '../../util/stored/shape.ts'
import type { Key } from './key.ts'
import { counterAt } from '../../crypto/one-time/codes.ts'

/** A code that was accepted, until no period accepts it any more (epoch milliseconds). */
interface UsedCode {
  readonly code: string
  readonly counter: number
  readonly until: number
}

interface UsedCodes {
  readonly codes: readonly UsedCode[]
}

const isUsedCode = (value: unknown): boolean =>
  hasMembers<UsedCode>(value, { code: isText, counter: isCount, until: isTime })

/** The codes of one name that were accepted, at `used/<name>`. They outlast the key: it may be imported again. */
const usedShape = shapeOf<UsedCodes>('used codes', { codes: isListOf(isUsedCode) })

const keyOfUsed = (name: string): string => `used/${name}`

/** The refusal of a code that was sent before, the same for correct and wrong ones. */
const usedBefore = (): Fault => refuse('code already used; wait until the next time period')

/** The most wrong codes in memory. */
const mostWrong = 10_000

/** Codes that must not be accepted again. Correct codes are stored; wrong ones are only in memory. Both get the same refusal. */
export class CodesSeen {
  readonly #view: View
  readonly #wrong = recent<string, true>(mostWrong)

  constructor(view: View) {
    this.#view = view
  }

  /**
   * The codes that were used already and are not expired. The commit fails when another request uses one meanwhile.
   * @throws Fault invalid_request when this code is among them
   */
  async used(tx: Transaction, name: string, code: string, now: number): Promise<readonly UsedCode[]> {
    const record = await tx.get(keyOfUsed(name), usedShape)
    const used = (record?.codes ?? []).filter(({ until }) => now < until)
    if (used.some((one) => one.code === code)) throw usedBefore()
    return used
  }

  /** Uses a code up, which is of this counter of the key. */
  use(
    tx: Transaction,
    name: string,
    { period }: Key,
    { code, counter }: Omit<UsedCode, 'until'>,
    used: readonly UsedCode[],
  ): void {
    // The next key of this name may have a skew of 1 where this one has none.
    const until = (counter + 2) * period * 1000
    tx.put(keyOfUsed(name), { codes: [...used, { code, counter, until }] })
  }

  /** Records a wrong code for the current period. @throws Fault invalid_request if it was already sent in this period */
  wrong(name: string, key: Key, code: string, now: number): void {
    const entry = JSON.stringify([name, code, counterAt(key, now)])
    if (this.#wrong.get(entry)) throw usedBefore()
    this.#wrong.set(entry, true)
  }

  /** Removes records of codes that no period accepts any more. */
  async tidy(now: number): Promise<void> {
    for (const name of await this.#view.list('used/'))
      await this.#view.transaction(async (tx) => {
        const used = await tx.get(keyOfUsed(name), usedShape)
        if (used?.codes.every(({ until }) => until <= now)) tx.del(keyOfUsed(name))
      })
  }
}
