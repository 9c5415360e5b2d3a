/** A path of the API without slashes at its ends, as the command line treats all of them. */
export function barePath(path: string): string {
  return path.trim().replace(/^\/+|\/+$/g, '')
}

/** A mount path with one slash at its end. */
export function mountPath(path: string): string {
  return `${barePath(path)}/`
}

/** Data as the query of a URL, with its question mark; empty for none. */
export function query(data: Readonly<Record<string, unknown>>): string {
  const pairs = Object.entries(data).flatMap(([name, value]) =>
    (Array.isArray(value) ? (value as readonly unknown[]) : [value]).map(
      (one) => `${encodeURIComponent(name)}=${encodeURIComponent(String(one))}`,
    ),
  )
  return pairs.length > 0 ? `?${pairs.join('&')}` : ''
}
