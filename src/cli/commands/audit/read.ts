import { setTimeout as after } from 'node:timers/promises'
import type { Entry, Hit } from '../../../audit/offline/entries.ts'
import { entryOf, hits, matcher } from '../../../audit/offline/entries.ts'
import { followed } from '../../../audit/offline/follow.ts'
import { readingFiles } from './files.ts'
import { filterFlags, filterOf } from './filter.ts'
import type { Command, Run } from '../../framework/command.ts'
import { UsageError } from '../../framework/flags.ts'
import { printable } from '../../output/printable.ts'

const widths = [20, 7, 8, 24, 15] as const
const headings = ['TIME (UTC)', 'RESULT', 'OP', 'WHO', 'FROM', 'PATH'] as const
/** How often a growing file is checked, milliseconds. */
const pause = 200

/** A row of an endless list: its columns cannot wait for the widest cell. */
function row(cells: readonly string[]): string {
  const texts = cells.map((cell, at) => printable(cell).padEnd(widths[at] ?? 0))
  return `${texts.join('  ').trimEnd()}\n`
}

function rowOf({ time, result, operation, name, address, path, error }: Entry): string {
  const who = name === '' ? '–' : name
  const why = error === '' ? '' : `  ${error.replace(/\s+/g, ' ').trim()}`
  return row([time.replace(/\.\d+Z$/, 'Z'), result, operation, who, address, `${path}${why}`])
}

const rendered = (run: Run, { entry, text }: Pick<Hit, 'entry' | 'text'>): string =>
  run.format === 'table' ? rowOf(entry) : `${text}\n`

async function read(run: Run): Promise<number> {
  checkFormat(run)
  const filter = filterOf(run, run.flags.string('type') || 'response')
  return readingFiles(run, run.args, async (progress) => {
    const output = new Output(run)
    if (run.format === 'table') await output.add(row(headings))
    try {
      for await (const hit of hits(run.args, filter, progress)) await output.add(rendered(run, hit))
    } finally {
      await output.end()
    }
    return 0
  })
}

async function tail(run: Run): Promise<number> {
  checkFormat(run)
  const matches = matcher(filterOf(run, run.flags.string('type') || 'response'))
  const last = run.flags.int('n') ?? 10
  const [path = ''] = run.args
  const wait = async (): Promise<boolean> => after(pause, true)
  return readingFiles(run, [], async () => {
    if (run.format === 'table') run.out(row(headings))
    for await (const text of followed(path, { last, wait })) {
      const entry = entryOf(text)
      if (entry && matches(entry)) run.out(rendered(run, { entry, text }))
    }
    return 0
  })
}

function checkFormat({ format }: Run): void {
  if (format === 'yaml') throw new UsageError('audit lines are shown as a table, or raw with -format=json')
}

const blockLength = 64 * 1024

/** A string for standard output, in blocks, no faster than it is read. */
export class Output {
  readonly #run: Run
  #held = ''

  constructor(run: Run) {
    this.#run = run
  }

  async add(text: string): Promise<void> {
    this.#held += text
    if (this.#held.length > blockLength) await this.end()
  }

  async end(): Promise<void> {
    const buffered = this.#held
    this.#held = ''
    if (buffered !== '') await this.#run.stdio.write(Buffer.from(buffered))
  }
}

const type = { kind: 'string', about: 'response (default), request, or all.' } as const

/** `audit read` and `audit tail`. */
export const auditReadCommands: readonly Command[] = [
  {
    name: 'audit read',
    about: 'Show and filter the lines of audit files; -format=json shows the raw lines',
    usage: 'FILE …',
    args: [1, Infinity],
    offline: true,
    flags: { ...filterFlags, type },
    shows: ['format'],
    run: read,
  },
  {
    name: 'audit tail',
    about: 'Follow an audit file across rotations, beginning with its last lines',
    usage: 'FILE',
    args: [1, 1],
    offline: true,
    flags: { n: { kind: 'int', about: 'Number of existing lines to show first (default 10).' }, ...filterFlags, type },
    shows: ['format'],
    run: tail,
  },
]
