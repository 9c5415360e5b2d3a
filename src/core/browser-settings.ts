import type { BrowserRules, CrossOrigin } from '../contract/browser.ts'
import type { View } from '../contract/view.ts'
import { byteOrder } from '../util/bytes.ts'
import type { Freshness } from './freshness.ts'
import { isFlag, isListOf, isMapOf, isName, isText, shapeOf } from '../util/stored/shape.ts'
import { type Shape } from '../util/stored/shape.ts'

type Headers = Readonly<Record<string, readonly string[]>>

/** Names of the two records. */
const cors = 'cors'
const ui = 'ui-headers'

const crossOriginShape = shapeOf<CrossOrigin>('settings of CORS', {
  allowedOrigins: (value) => isListOf(isName)(value) && (value as readonly string[]).length > 0,
  allowedHeaders: isListOf(isName),
  allowCredentials: isFlag,
})
const headersShape: Shape<Headers> = {
  about: 'headers of the UI',
  is: (value): value is Headers => isMapOf(isListOf(isText), isName)(value),
}

/**
 * The settings for browsers: their rights (`sys/config/cors`) and headers (`sys/config/ui/headers`). Read at unseal and then kept in memory,
 * so that a sealed server still refuses foreign origins.
 */
export class BrowserSettings implements BrowserRules {
  #view: View | undefined
  #crossOrigin: CrossOrigin | undefined
  #headers: Headers = {}

  /** At unseal. */
  async open(view: View, freshness: Freshness): Promise<void> {
    await freshness.follow(view, '', async () => this.#read(view))
    this.#view = view
  }

  crossOrigin(): CrossOrigin | undefined {
    return this.#crossOrigin
  }

  uiHeaders(): Headers {
    return this.#headers
  }

  /** Allows, or with undefined forbids, the use by pages of other origins. */
  async setCrossOrigin(rules: CrossOrigin | undefined): Promise<void> {
    if (rules) await this.#view?.put(cors, rules)
    else await this.#view?.del(cors)
  }

  /** The values of a header, in any letter case. */
  uiHeader(name: string): readonly string[] | undefined {
    return this.#headers[canonical(name)]
  }

  /** The names of the headers, in byte order. */
  uiHeaderNames(): string[] {
    return Object.keys(this.#headers).sort(byteOrder)
  }

  /** Sets, or with undefined removes, a header. */
  async setUiHeader(name: string, values: readonly string[] | undefined): Promise<void> {
    await this.#view?.transaction(async (tx) => {
      const { [canonical(name)]: _, ...others } = (await tx.get(ui, headersShape)) ?? {}
      tx.put(ui, values ? { ...others, [canonical(name)]: values } : others)
    })
  }

  async #read(view: View): Promise<void> {
    const [crossOrigin, headers] = await Promise.all([view.get(cors, crossOriginShape), view.get(ui, headersShape)])
    this.#crossOrigin = crossOrigin
    this.#headers = headers ?? {}
  }
}

/** A header's name as HTTP writes it: `x-one` is `X-One`. */
function canonical(name: string): string {
  return name.toLowerCase().replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase())
}
