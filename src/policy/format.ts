import { parsePolicy } from './document.ts'
import { parseHcl } from '../util/hcl/hcl.ts'
import type { HclItem, HclValue } from '../util/hcl/values.ts'

/**
 * Formats a policy. Comments above stanzas stay; a stanza with comments inside is left unchanged. @throws Fault if it is not a
 * policy.
 */
export function formatPolicy(source: string): string {
  parsePolicy(source)
  // The parsed form has no comments: a stanza with comments keeps its layout, except for trailing spaces.
  if (/(^|\s)(#|\/\/|\/\*)/.test(source))
    return `${source
      .split('\n')
      .map((line) => line.trimEnd())
      .join('\n')
      .trimEnd()}\n`
  return `${parseHcl(source)
    .map((item) => itemText(item, ''))
    .join('\n\n')}\n`
}

function itemText(item: HclItem, indent: string): string {
  const labels = item.labels.map((label) => ` ${JSON.stringify(label)}`).join('')
  const key = /^[\w-]+$/.test(item.key) ? item.key : JSON.stringify(item.key)
  if (item.value.kind === 'object' && (item.labels.length > 0 || indent === ''))
    return `${indent}${key}${labels} ${valueText(item.value, indent)}`
  return `${indent}${key}${labels} = ${valueText(item.value, indent)}`
}

function valueText(value: HclValue, indent: string): string {
  switch (value.kind) {
    case 'object':
      return value.items.length === 0
        ? '{}'
        : `{\n${value.items.map((item) => itemText(item, `${indent}  `)).join('\n')}\n${indent}}`
    case 'list':
      return `[${value.items.map((item) => valueText(item, indent)).join(', ')}]`
    case 'string':
      return JSON.stringify(value.value)
    case 'number':
      return value.literal
    case 'bool':
      return String(value.value)
    case 'null':
      return 'null'
  }
}
