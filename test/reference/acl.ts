/** A slow, obvious reading of Vault's rules for choosing one path rule, to hold the compiled ACL against. */
export interface SlowRule {
  readonly path: string
  readonly capabilities: readonly string[]
}

function matches(pattern: string, path: string): boolean {
  const prefix = pattern.endsWith('*')
  const body = prefix ? pattern.slice(0, -1) : pattern
  const source = body
    .split('/')
    .map((segment) => (segment === '+' ? '[^/]*' : segment.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')))
    .join('/')
  return new RegExp(`^${source}${prefix ? '' : '$'}`, 's').test(path)
}

const firstWildcard = (pattern: string): number => {
  const plus = pattern.split('/').indexOf('+')
  const at = plus < 0 ? Infinity : pattern.split('/').slice(0, plus).join('/').length + (plus > 0 ? 1 : 0)
  return Math.min(at, pattern.endsWith('*') ? pattern.length - 1 : Infinity, pattern.length)
}
const plusses = (pattern: string): number =>
  pattern.split('/').filter((segment) => segment.replace('*', '') === '+').length

function better(a: string, b: string): boolean {
  if (firstWildcard(a) !== firstWildcard(b)) return firstWildcard(a) > firstWildcard(b)
  if (a.endsWith('*') !== b.endsWith('*')) return !a.endsWith('*')
  if (plusses(a) !== plusses(b)) return plusses(a) < plusses(b)
  if (a.length !== b.length) return a.length > b.length
  return a > b
}

function chosen(rules: readonly SlowRule[], path: string, folders: boolean): string | undefined {
  const bare = folders && path.endsWith('/') ? path.slice(0, -1) : undefined
  for (const candidate of [path, bare]) {
    if (
      candidate !== undefined &&
      rules.some((rule) => rule.path === candidate && !rule.path.endsWith('*') && !rule.path.split('/').includes('+'))
    )
      return candidate
  }
  for (const candidate of [path, bare]) {
    if (candidate === undefined) continue
    const wild = rules
      .map((rule) => rule.path)
      .filter((pattern) => (pattern.endsWith('*') || pattern.split('/').includes('+')) && matches(pattern, candidate))
    if (wild.length > 0) return wild.reduce((best, pattern) => (better(pattern, best) ? pattern : best))
  }
  return undefined
}

/** The path of the rule that decides. */
export function slowlyChosen(rules: readonly SlowRule[], path: string, operation: string): string | undefined {
  const listing = operation === 'list' || operation === 'scan'
  return chosen(rules, listing && !path.endsWith('/') ? `${path}/` : path, listing)
}

/** Whether the rules allow an operation on a path. */
export function slowlyAllowed(rules: readonly SlowRule[], path: string, operation: string): boolean {
  const pattern = slowlyChosen(rules, path, operation)
  const granted = rules.filter((rule) => rule.path === pattern).flatMap((rule) => rule.capabilities)
  return granted.includes(operation) && !granted.includes('deny')
}
