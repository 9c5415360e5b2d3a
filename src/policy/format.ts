import { parsePolicy } from './document.ts'
import { parseHcl } from '../util/hcl/hcl.ts'
import type { HclItem, HclValue } from '../util/hcl/values.ts'

/** A policy in one usual layout. Comments above stanzas stay; comments inside a stanza are kept by leaving that text as it was. @throws Fault when it is no policy. */
export function formatPolicy(source: string): string {
  parsePolicy(source)
  // Comments have no place in the parsed form: a text that has some keeps its own layout but for trailing blanks.
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
