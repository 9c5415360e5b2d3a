import { hex, utf8 } from '../../util/bytes.ts'
import type { Value } from './functions.ts'

/** As Go's `fmt.Sprint`: a space between two values when neither is a string; with `line` as `fmt.Sprintln`. Undefined when it is too long. */
export function goPrint(values: readonly Value[], longest: number, line = false): string | undefined {
  let text = ''
  for (const [at, value] of values.entries()) {
    const isSpaced = at > 0 && (line || (typeof value !== 'string' && typeof values[at - 1] !== 'string'))
    text += `${isSpaced ? ' ' : ''}${String(value)}`
    if (text.length > longest) return undefined
  }
  return line ? `${text}\n` : text
}

const verb = /%([-+0]*)(\d{0,4})(?:\.(\d{0,4}))?([a-zA-Z%])|%/g

/** Like Go's `fmt.Sprintf` for strings, integers and booleans. Undefined for errors in Go, and for a long result. */
export function formatted(format: string, values: readonly Value[], longest: number): string | undefined {
  const left = [...values]
  let text = ''
  let end = 0
  for (const match of format.matchAll(verb)) {
    text += format.slice(end, match.index)
    end = match.index + match[0].length
    const piece = match[4] === '%' ? '%' : pieceOf(match, left.shift())
    if (piece === undefined || text.length + piece.length > longest) return undefined
    text += piece
  }
  text += format.slice(end)
  return left.length > 0 || text.length > longest ? undefined : text
}

function pieceOf([, flags = '', width = '', precision, letter = '']: readonly (string | undefined)[], value?: Value) {
  if (value === undefined) return undefined
  const plain = printedAs(letter, value, flags, precision === undefined ? undefined : Number(precision))
  if (plain === undefined) return undefined
  const missing = Math.max(0, Number(width) - Array.from(plain).length)
  if (flags.includes('-')) return plain + ' '.repeat(missing)
  const isZeroed = flags.includes('0') && typeof value === 'number'
  if (!isZeroed) return ' '.repeat(missing) + plain
  const sign = /^[-+]/.exec(plain)?.[0] ?? ''
  return sign + '0'.repeat(missing) + plain.slice(sign.length)
}

const bases: Readonly<Record<string, number>> = { d: 10, v: 10, b: 2, o: 8, x: 16, X: 16 }

function printedAs(letter: string, value: Value, flags: string, precision: number | undefined): string | undefined {
  if (typeof value === 'boolean') return letter === 't' || letter === 'v' ? String(value) : undefined
  if (typeof value === 'string') return writtenText(letter, precision === undefined ? value : Array.from(value).slice(0, precision).join('')) // prettier-ignore
  if (precision !== undefined) return undefined
  if (letter === 'c') return value >= 0 && value <= 0x10ffff ? String.fromCodePoint(value) : undefined
  const base = Object.hasOwn(bases, letter) ? bases[letter] : undefined
  if (base === undefined) return undefined
  const digits = value.toString(base)
  return (flags.includes('+') && value >= 0 ? '+' : '') + (letter === 'X' ? digits.toUpperCase() : digits)
}

function writtenText(letter: string, text: string): string | undefined {
  if (letter === 's' || letter === 'v') return text
  if (letter === 'x') return hex(utf8(text))
  if (letter === 'X') return hex(utf8(text)).toUpperCase()
  return letter === 'q' ? JSON.stringify(text) : undefined
}
