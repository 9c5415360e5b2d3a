import { TemplateError } from './error.ts'

/** So many words are more than anybody writes; they nest as deep. */
const mostWords = 1000

/** The words of an action. @throws TemplateError */
export function tokensOf(text: string): readonly string[] {
  const pattern = /\s*("(?:[^"\\\n]|\\.)*"|`[^`]*`|\$?(?:\.[A-Za-z_]\w*)+|\$|\.|[|()]|-?\d+(?:\.\d+)?|[A-Za-z_]\w*)/y
  const words: string[] = []
  const trimmed = text.trimEnd()
  while (pattern.lastIndex < trimmed.length) {
    const found = pattern.exec(trimmed)
    if (!found)
      throw new TemplateError('an action {{ … }} cannot be read: names with "-" need: index .responses "name"')
    words.push(found[1] as string)
    if (words.length > mostWords) throw new TemplateError(`an action {{ … }} has more than ${mostWords} words`)
  }
  if (words.length === 0) throw new TemplateError('an action {{ }} is empty')
  return words
}

/** Words that are read one after the other. */
export class Tokens {
  readonly #words: readonly string[]
  #at = 0

  constructor(words: readonly string[]) {
    this.#words = words
  }

  peek(): string | undefined {
    return this.#words[this.#at]
  }

  next(): string | undefined {
    return this.#words[this.#at++]
  }

  take(word: string): boolean {
    if (this.peek() !== word) return false
    this.#at++
    return true
  }

  /** Whether the command ends here. */
  get atEnd(): boolean {
    return [undefined, '|', ')'].includes(this.peek())
  }
}
