import { writeFileSync } from 'node:fs'
import { stanzas } from '../../src/config/descriptions.ts'
import type { Description, Stanza } from '../../src/config/description.ts'

const head = `# Settings

Every setting of a configuration file, HCL or JSON. \`strongroom operator validate-config FILE\` shows all errors in a file; an unknown setting stops the start.
\`make docs\` writes this page from \`src/config/descriptions.ts\`; a test compares it with the settings that the server accepts.

A duration is a number of seconds or a string such as \`"90s"\`, \`"15m"\`, \`"768h"\`. \`SIGHUP\`: **yes**: the new value takes effect; **file**: the named file is read or
opened again; –: the server needs a restart.
`

const reloads = { value: 'yes', file: 'file' } as const

function row({ name, type, usual, about, reload }: Description): string {
  return `| \`${name}\` | ${type} | ${usual || '–'} | ${reload ? reloads[reload] : '–'} | ${about} |\n`
}

function section({ name, about, settings }: Stanza): string {
  const title = name === '' ? 'Outside blocks' : name.includes(' of ') ? name : `\`${name}\``
  const table = `\n| setting | type | default | SIGHUP | meaning |\n|---|---|---|---|---|\n${settings.map(row).join('')}`
  return `\n## ${title}\n\n${about}\n${settings.length > 0 ? table : ''}`
}

/** docs/settings.md as it should be. */
export const settingsPage = (): string => head + stanzas.map(section).join('')

/** Writes it. */
export function write(): void {
  writeFileSync('docs/settings.md', settingsPage())
}
