/** A position in the source; both count from 1. */
export interface Position {
  readonly line: number
  readonly column: number
}

/** A value with its position. */
export type HclValue =
  | { readonly kind: 'string'; readonly value: string; readonly at: Position }
  | { readonly kind: 'number'; readonly value: number; readonly literal: string; readonly at: Position }
  | { readonly kind: 'bool'; readonly value: boolean; readonly at: Position }
  | { readonly kind: 'null'; readonly at: Position }
  | { readonly kind: 'list'; readonly items: readonly HclValue[]; readonly at: Position }
  | { readonly kind: 'object'; readonly items: readonly HclItem[]; readonly at: Position }

/** One `key = value` or one block: `path "x" { … }` has the key `path` and the label `x`. */
export interface HclItem {
  readonly key: string
  readonly labels: readonly string[]
  readonly value: HclValue
  readonly at: Position
}

/** A syntax error and its position. */
export class HclError extends Error {
  readonly at: Position

  constructor(message: string, at: Position) {
    super(`line ${at.line}, column ${at.column}: ${message}`)
    this.at = at
  }
}

/** Notes the position of an attribute. @throws HclError with both positions when it was set before: to prefer one of them would be a guess */
export function once(set: Map<string, Position>, key: string, at: Position): void {
  const before = set.get(key)
  if (before) throw new HclError(`"${key}" is set twice, first at line ${before.line}, column ${before.column}`, at)
  set.set(key, at)
}
