import type { Json } from '../../../util/json.ts'
import type { Run } from '../../framework/command.ts'
import { dataRows } from '../../output/format.ts'
import { keyValues } from '../../output/table.ts'

/** A block under a heading. */
interface Section {
  readonly heading: string
  readonly rows: Json
}

/** Blocks with an empty line between them. */
export function showSections(run: Run, sections: readonly Section[]): void {
  const blocks = sections.map(({ heading, rows }) => {
    const entries = dataRows(rows)
    // As wide as the longest key, its gap and the word "Value".
    const width = Math.max(...entries.map(([key]) => key.length)) + 9
    return `${centred(heading, width)}\n${keyValues(entries)}\n`
  })
  run.out(blocks.join('\n'))
}

/** The heading with the path, and the metadata if there is any. */
export function showMetadata(run: Run, heading: string, path: string, metadata: Json | undefined): void {
  run.out(`${centred(heading, path.length)}\n${path}\n`)
  if (!metadata) return
  run.out('\n')
  showSections(run, [{ heading: 'Metadata', rows: metadata }])
}

/** `== x ==`: the string centred in `width`, rounded up; two signs on each side if there is no space. */
export function centred(text: string, width: number): string {
  const available = width - text.length - 2
  const side = '='.repeat(available > 0 ? Math.ceil(available / 2) : 2)
  return `${side} ${text} ${side}`
}
