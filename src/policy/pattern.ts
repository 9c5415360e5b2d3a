/**
 * A path pattern: exact, a prefix (`*` at the end), or with `+` for whole segments. Compiled once; matching allocates
 * only the segments of the path.
 */
export interface Pattern {
  readonly text: string
  readonly kind: 'exact' | 'prefix' | 'segments'
  /** Without the final `*`. */
  readonly stem: string
  readonly prefix: boolean
  readonly segments: readonly string[]
  readonly plusses: number
  /** Where the first wildcard stands. */
  readonly firstWildcard: number
}

/** @param text the path in the policy, without leading slash. */
export function compilePattern(text: string): Pattern {
  const prefix = text.endsWith('*')
  const stem = prefix ? text.slice(0, -1) : text
  const segments = stem.split('/')
  const plusses = segments.filter((segment) => segment === '+').length
  const kind = plusses > 0 ? 'segments' : prefix ? 'prefix' : 'exact'
  const plus = segments.indexOf('+')
  const firstWildcard =
    plus < 0 ? stem.length : segments.slice(0, plus).reduce((length, segment) => length + segment.length + 1, 0)
  return { text, kind, stem, prefix, segments, plusses, firstWildcard }
}

/** Whether a `+` pattern matches a path that was cut at its slashes. */
export function matchesSegments(pattern: Pattern, path: readonly string[]): boolean {
  const { segments, prefix } = pattern
  if (prefix ? path.length < segments.length : path.length !== segments.length) return false
  for (let at = 0; at < segments.length; at++) {
    const [expected, got] = [segments[at] as string, path[at] as string]
    if (expected === '+') continue
    const open = prefix && at === segments.length - 1
    if (open ? !got.startsWith(expected) : got !== expected) return false
  }
  return true
}

/** Whether a pattern matches a path. */
export function matches(pattern: Pattern, path: string): boolean {
  if (pattern.kind === 'exact') return path === pattern.stem
  return pattern.kind === 'prefix' ? path.startsWith(pattern.stem) : matchesSegments(pattern, path.split('/'))
}

/**
 * Which of two matching patterns with wildcards decides (Vault's rule): later first wildcard, then not ending in `*`,
 * then fewer `+`, then longer, then the larger text. Positive when `a` wins.
 */
export function precedence(a: Pattern, b: Pattern): number {
  return rank(a, b) || (a.text > b.text ? 1 : a.text < b.text ? -1 : 0)
}

function rank(a: Pattern, b: Pattern): number {
  return (
    a.firstWildcard - b.firstWildcard ||
    Number(b.prefix) - Number(a.prefix) ||
    b.plusses - a.plusses ||
    a.text.length - b.text.length
  )
}

/** Whether `a` is more specific than `b`, regardless of their characters. */
export function isMoreSpecific(a: Pattern, b: Pattern): boolean {
  if (a.kind === 'exact' || b.kind === 'exact') return a.kind === 'exact' && b.kind !== 'exact'
  return rank(a, b) > 0
}

/** The reason why `a` decides before `b`, in words about `b`; both match, and `a` wins. */
export function whyNearer(a: Pattern, b: Pattern): string {
  if (a.firstWildcard !== b.firstWildcard) return 'its first wildcard is further left'
  if (a.prefix !== b.prefix) return 'it ends in "*"'
  if (a.plusses !== b.plusses) return 'it has more "+"'
  if (a.text.length !== b.text.length) return 'it is shorter'
  return 'it is first in alphabetical order'
}

/** Whether a pattern can match something at or below a mount. */
export function leadsInto(pattern: Pattern, mountPath: string, mount: readonly string[]): boolean {
  if (pattern.kind === 'exact') return pattern.stem.startsWith(mountPath) || `${pattern.stem}/` === mountPath
  if (pattern.kind === 'prefix') return pattern.stem.startsWith(mountPath) || mountPath.startsWith(pattern.stem)
  const endsAbove = pattern.prefix && pattern.segments.length <= mount.length
  return mount.every((segment, at) => {
    const expected = pattern.segments[at]
    if (expected === undefined) return endsAbove
    if (expected === '+') return true
    return endsAbove && at === pattern.segments.length - 1 ? segment.startsWith(expected) : segment === expected
  })
}
