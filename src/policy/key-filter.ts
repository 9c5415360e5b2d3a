import { readPipeline } from './templates/pipeline.ts'
import type { Pipeline } from './templates/pipeline.ts'

/**
 * `list_scan_response_keys_filter_path` (OpenBao): the path for a listed name, to check whether the caller may read it.
 * A Go template: literals, and pipelines of the two values and some functions.
 */
export interface KeyFilter {
  readonly text: string
  readonly parts: readonly Part[]
}

type Part = { readonly literal: string } | { readonly pipeline: Pipeline }

/** Paths of requests are never longer: a name with a longer path is not shown. */
const longestPath = 8192

/** Undefined if the template is unbalanced, has anything other than `.path`, `.key` and known functions, or lacks `.key`. */
export function compileKeyFilter(text: string): KeyFilter | undefined {
  const parts = cut(text).map(partOf)
  const readable = parts.filter((part) => part !== undefined)
  const keyed = readable.some((part) => 'pipeline' in part && part.pipeline.values.has('key'))
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

function partOf(source: string): Part | undefined {
  if (!source.startsWith('{{') || !source.endsWith('}}'))
    return source.includes('{{') || source.includes('}}') ? undefined : { literal: source }
  const pipeline = readPipeline(source.slice(2, -2))
  return pipeline && { pipeline }
}

/**
 * The path for one name of a list. Undefined if there is none, or if it is too long.
 * @param folder the path that was listed, with its trailing slash
 */
export function pathOfKey({ parts }: KeyFilter, folder: string, key: string): string | undefined {
  let path = ''
  for (const part of parts) {
    const piece = 'literal' in part ? part.literal : part.pipeline.run({ path: folder, key }, longestPath)
    if (piece === undefined || path.length + piece.length > longestPath) return undefined
    path += piece
  }
  return path
}
