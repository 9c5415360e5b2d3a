/**
 * `list_scan_response_keys_filter_path` (OpenBao): where a listed name is looked for to see whether the caller may read it.
 * A Go template of which the two values are known, and nothing else.
 */
export interface KeyFilter {
  readonly text: string
  readonly parts: readonly Part[]
}

type Part = { readonly literal: string } | { readonly value: 'path' | 'key' }

/** Undefined when the template is unbalanced, has more than `{{ .path }}` and `{{ .key }}`, or lacks `{{ .key }}`. */
export function compileKeyFilter(text: string): KeyFilter | undefined {
  const parts = cut(text).map(partOf)
  const readable = parts.filter((part) => part !== undefined)
  const keyed = readable.some((part) => 'value' in part && part.value === 'key')
  return readable.length === parts.length && keyed ? { text, parts: readable } : undefined
}

/** The template at its actions. */
function cut(text: string): string[] {
  const pieces: string[] = []
  for (let at = 0; at < text.length;) {
    const open = text.indexOf('{{', at)
    const close = open < 0 ? -1 : text.indexOf('}}', open + 2)
    if (close < 0) return [...pieces, text.slice(at)]
    pieces.push(text.slice(at, open), text.slice(open, close + 2))
    at = close + 2
  }
  return pieces
}

function partOf(written: string): Part | undefined {
  const value = /^\{\{\s*\.(path|key)\s*\}\}$/.exec(written)?.[1]
  if (value === 'path' || value === 'key') return { value }
  return written.includes('{{') || written.includes('}}') ? undefined : { literal: written }
}

/** The path that stands for one name of a list. @param folder the path that was listed, with its trailing slash */
export function pathOfKey({ parts }: KeyFilter, folder: string, key: string): string {
  return parts.map((part) => ('literal' in part ? part.literal : part.value === 'key' ? key : folder)).join('')
}
