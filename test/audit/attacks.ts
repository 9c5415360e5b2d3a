import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { isNoLog } from '../../src/audit/offline/given-files.ts'
import { chained, linkOf } from '../../src/audit/lines/chain.ts'

/** Choices of an attack: where, and what. Small ones stand for the beginning. */
export const choices = fc.array(fc.nat(), { minLength: 3, maxLength: 3 })

/** A folder with the files of a log, as somebody with write access to it sees it. */
export class Target {
  readonly #folder: string
  readonly #choices: number[]

  constructor(folder: string, from: readonly number[]) {
    this.#folder = folder
    this.#choices = [...from]
  }

  /** Paths of log files, oldest lines first. */
  logs(): string[] {
    const paths = readdirSync(this.#folder).map((name) => join(this.#folder, name)).filter((path) => !isNoLog(path)) // prettier-ignore
    const first = (path: string): number => linkOf(readFileSync(path, 'utf8').split('\n')[0] ?? '')?.seq ?? Infinity
    return paths.filter((path) => /audit\.log/.test(path)).sort((a, b) => first(a) - first(b))
  }

  lines(path: string): string[] {
    return readFileSync(path, 'utf8').split('\n').slice(0, -1)
  }

  write(path: string, lines: readonly string[]): void {
    writeFileSync(path, lines.map((line) => `${line}\n`).join(''))
  }

  /** A whole number from 0 to below `count`. */
  pick(count: number): number {
    return (this.#choices.shift() ?? 0) % count
  }

  one<T>(from: readonly T[]): T {
    return from[this.pick(from.length)] as T
  }

  /** Changes the lines of one file. */
  edit(change: (lines: readonly string[], at: number) => readonly string[]): void {
    const path = this.one(this.logs())
    const lines = this.lines(path)
    this.write(path, change(lines, this.pick(lines.length)))
  }

  /** Writes all lines from a place on anew, so that the chain is whole: what can be done without any key. */
  forge(path: string, from: number, open: readonly string[]): void {
    const kept = this.lines(path).slice(0, from)
    const before = linkOf(this.lines(path)[from] as string)
    this.write(path, [
      ...kept,
      ...chained(before ?? { seq: 1, prev: '' }, open)
        .text.split('\n')
        .slice(0, -1),
    ])
  }
}

const openLine = (line: string): string => line.replace(/,"chain":\{[^}]*\}\}$/, '')

/** Every manipulation that must be noticed from files alone (security.md 3.4), by name. */
export const attacks: Readonly<Record<string, (target: Target) => void>> = {
  'one byte changed': (target) => {
    const path = target.one(target.logs())
    const bytes = readFileSync(path)
    const at = target.pick(bytes.length)
    bytes[at] = (bytes[at] as number) ^ (1 << target.pick(8))
    writeFileSync(path, bytes)
  },
  'a field changed': (target) =>
    target.edit((lines, at) => lines.with(at, (lines[at] as string).replace(/"path":"([^"]*)"/, '"path":"$1x"'))),
  'the form of a number changed': (target) =>
    target.edit((lines, at) => lines.with(at, (lines[at] as string).replace(/("seq":\d+)/, '$1.0'))),
  'a line deleted': (target) => target.edit((lines, at) => lines.toSpliced(at === 0 && lines.length > 1 ? 1 : at, 1)),
  'a line put in': (target) =>
    target.edit((lines, at) => lines.toSpliced(at, 0, (lines[at] as string).replace(/"time":"./, '"time":"3'))),
  'a line doubled': (target) => target.edit((lines, at) => lines.toSpliced(at, 0, lines[at] as string)),
  'two lines swapped': (target) =>
    target.edit((lines, at) => {
      const first = Math.min(at, lines.length - 2)
      return lines.with(first, lines[first + 1] as string).with(first + 1, lines[first] as string)
    }),
  'a line renumbered': (target) =>
    target.edit((lines, at) => lines.with(at, (lines[at] as string).replace(/"seq":(\d+)/, (_, n: string) => `"seq":${Number(n) + 1}`))), // prettier-ignore
  'a line left out, and the rest of its file chained anew': (target) => {
    const path = target.one(target.logs())
    const lines = target.lines(path)
    const at = 1 + target.pick(Math.max(1, lines.length - 2))
    target.forge(path, at, lines.slice(at + 1).map(openLine))
  },
  'a line changed, and the rest of its file chained anew': (target) => {
    const path = target.one(target.logs())
    const lines = target.lines(path)
    const at = 1 + target.pick(lines.length - 1)
    const open = lines.slice(at).map(openLine)
    target.forge(path, at, open.with(0, (open[0] as string).replace('"time":"2', '"time":"1')))
  },
  'the first lines cut off': (target) => {
    const path = target.logs()[0] as string
    const lines = target.lines(path)
    target.write(path, lines.slice(1 + target.pick(lines.length - 1)))
  },
  'the last lines cut off': (target) => {
    const path = target.logs().at(-1) as string
    const lines = target.lines(path)
    target.write(path, lines.slice(0, target.pick(lines.length)))
  },
  'the last file cut in the middle of a line': (target) => {
    const path = target.logs().at(-1) as string
    const bytes = readFileSync(path)
    const last = bytes.lastIndexOf(10, bytes.length - 2)
    writeFileSync(path, bytes.subarray(0, target.pick(last - 1)))
  },
  'the last file removed': (target) => rmSync(target.logs().at(-1) as string),
  'a file before the last one removed': (target) => rmSync(target.one(target.logs().slice(1, -1))),
  'a closed file cut': (target) => {
    const path = target.one(target.logs().slice(0, -1))
    const lines = target.lines(path)
    target.write(path, lines.slice(0, -1 - target.pick(lines.length - 1)))
  },
  'an odd byte put in': (target) => {
    const path = target.one(target.logs())
    const bytes = readFileSync(path)
    const at = target.pick(bytes.length)
    const odd = target.one(['\0', '\r', '\ufeff', '\u2028', '\xff', '\n'])
    writeFileSync(path, Buffer.concat([bytes.subarray(0, at), Buffer.from(odd, odd === '\xff' ? 'latin1' : 'utf8'), bytes.subarray(at)])) // prettier-ignore
  },
}
