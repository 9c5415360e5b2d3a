import { hash } from 'node:crypto'
import { base64, byteOrder, fromBase64, hex, text as textOf, utf8 } from '../../util/bytes.ts'
import { formatted, goPrint } from './print.ts'

/** The values of a template; Go's other types do not occur. */
export type Value = string | number | boolean

/** A type of argument. `any` accepts every value. */
export type Kind = 'string' | 'number' | 'boolean' | 'any'

/** A function of templates. */
interface TemplateFunction {
  /** Of its arguments; the last type applies to all further ones if `repeats` is true. */
  readonly takes: readonly Kind[]
  readonly repeats?: boolean
  /** The number of optional arguments at the end. */
  readonly optional?: number
  readonly gives: Kind
  /** Undefined when it cannot be applied, or when the result would be longer than `longest` characters. */
  readonly apply: (values: readonly Value[], longest: number) => Value | undefined
}

const ofText = (apply: (text: string) => string | undefined): TemplateFunction => ({
  takes: ['string'],
  gives: 'string',
  apply: ([text]) => apply(text as string),
})

const cutting = (apply: (text: string, most: number) => string | undefined): TemplateFunction => ({
  takes: ['number', 'string'],
  gives: 'string',
  apply: ([most, text]) => (Number(most) > 0 ? apply(text as string, Number(most)) : undefined),
})

const printing = (apply: (text: string) => string): TemplateFunction => ({
  takes: ['any'],
  repeats: true,
  gives: 'string',
  apply: (values, longest) => {
    const text = goPrint(values, longest)
    return text === undefined ? undefined : apply(text)
  },
})

const ordering = (holds: (order: number) => boolean): TemplateFunction => ({
  takes: ['any', 'any'],
  gives: 'boolean',
  apply: ([a, b]) => {
    const order = compared(a as Value, b as Value)
    return order === undefined ? undefined : holds(order)
  },
})

/** OpenBao's deterministic functions, and those of Go's text/template. */
export const templateFunctions: Readonly<Record<string, TemplateFunction>> = {
  replace: {
    takes: ['string', 'string', 'string'],
    gives: 'string',
    apply: ([find, by, text]) => replaced(String(text), String(find), String(by)),
  },
  truncate: cutting((text, most) => textOf(utf8(text).subarray(0, most))),
  truncate_sha256: cutting(shortened),
  lowercase: ofText((text) => text.toLowerCase()),
  uppercase: ofText((text) => text.toUpperCase()),
  sha256: ofText((text) => hash('sha256', text, 'hex')),
  base64: ofText((text) => base64(utf8(text))),
  decode_base64: ofText((text) => {
    const bytes = fromBase64(text)
    return bytes && textOf(bytes)
  }),
  hex: ofText((text) => hex(utf8(text))),
  print: printing((text) => text),
  println: { ...printing((text) => text), apply: (values, longest) => goPrint(values, longest, true) },
  printf: {
    takes: ['string', 'any'],
    repeats: true,
    optional: 1,
    gives: 'string',
    apply: ([format, ...values], longest) => formatted(String(format), values, longest),
  },
  html: printing(escapedHtml),
  js: printing(escapedJs),
  urlquery: printing(escapedQuery),
  len: { takes: ['string'], gives: 'number', apply: ([text]) => utf8(String(text)).length },
  index: { takes: ['string', 'number'], gives: 'number', apply: ([text, at]) => utf8(String(text))[Number(at)] },
  slice: {
    takes: ['string', 'number', 'number'],
    optional: 2,
    gives: 'string',
    apply: ([text, from = 0, to]) =>
      sliced(utf8(String(text)), Number(from), to === undefined ? undefined : Number(to)),
  },
  not: { takes: ['any'], gives: 'boolean', apply: ([value]) => !value },
  and: {
    takes: ['any'],
    repeats: true,
    gives: 'any',
    apply: (values) => values.at(-1),
  },
  or: { takes: ['any'], repeats: true, gives: 'any', apply: (values) => values.at(-1) },
  eq: {
    takes: ['any', 'any'],
    repeats: true,
    gives: 'boolean',
    apply: ([first, ...others]) =>
      others.every((other) => typeof other === typeof first) ? others.includes(first as Value) : undefined,
  },
  ne: { takes: ['any', 'any'], gives: 'boolean', apply: ([a, b]) => (typeof a === typeof b ? a !== b : undefined) },
  lt: ordering((order) => order < 0),
  le: ordering((order) => order <= 0),
  gt: ordering((order) => order > 0),
  ge: ordering((order) => order >= 0),
}

/** Characters that one replacing may put in: no path is as long. */
const mostPutIn = 64 * 1024

function replaced(text: string, find: string, by: string): string | undefined {
  if (find === '') return undefined
  const pieces = text.split(find)
  return pieces.length * by.length > mostPutIn ? undefined : pieces.join(by)
}

/** The end of a long string becomes eight digits of its hash. */
function shortened(text: string, most: number): string | undefined {
  const bytes = utf8(text)
  if (bytes.length <= most) return text
  if (most <= 8) return undefined
  return textOf(bytes.subarray(0, most - 8)) + hash('sha256', bytes.subarray(most - 8), 'hex').slice(0, 8)
}

/** Go refuses bounds outside of the string. */
function sliced(bytes: Uint8Array, from: number, to = bytes.length): string | undefined {
  return from >= 0 && from <= to && to <= bytes.length ? textOf(bytes.subarray(from, to)) : undefined
}

/** Undefined for values that have no order. */
function compared(a: Value, b: Value): number | undefined {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  return typeof a === 'string' && typeof b === 'string' ? byteOrder(a, b) : undefined
}

const htmlEscapes: Readonly<Record<string, string>> = {
  '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#39;', '\0': '\ufffd',
} // prettier-ignore

function escapedHtml(text: string): string {
  return text.replaceAll(/[&<>"'\0]/g, (one) => htmlEscapes[one] ?? one)
}

function escapedJs(text: string): string {
  return text.replaceAll(/[\\'"<>&=\p{C}\p{Z}]/gu, (one) => {
    if (one === ' ') return one
    if (/[\\'"]/.test(one)) return `\\${one}`
    return `\\u${(one.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`
  })
}

function escapedQuery(text: string): string {
  const keep = /[!'()*]/g
  return encodeURIComponent(textOf(utf8(text)))
    .replaceAll(keep, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')
}
