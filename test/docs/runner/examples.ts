import { readFileSync } from 'node:fs'

/** A block of code in a page that says it was tested, and the output that the page promises for it. */
export interface Example {
  readonly kind: string
  readonly language: string
  readonly code: string
  /** The text block behind it, if there is one. */
  readonly promised: string | undefined
}

const block = /<!-- tested: (\w+) -->\n```(\w+)\n([^]*?)```\n(?:\n```text\n([^]*?)```\n)?/g

/** The tested examples of a page, in order: those marked `<!-- tested: kind -->`. */
export function examplesOf(page: string, kind: string): readonly Example[] {
  const found = [...readFileSync(page, 'utf8').matchAll(block)].filter(([, marked]) => marked === kind)
  return found.map(([, , language = '', code = '', promised]) => ({ kind, language, code, promised }))
}

const every = /^```(\w+)\n([^]*?)^```\n(?:\n```text\n([^]*?)^```\n)?/gm

/** A whole conversation: every block of a page is an example, and a command without a text block behind it prints nothing. */
export function conversationOf(page: string): readonly Example[] {
  const found = [...readFileSync(page, 'utf8').matchAll(every)]
  return found.map(([, language = '', code = '', promised = '']) => ({ kind: 'scenario', language, code, promised }))
}
