/** A path of the API without slashes at its ends, for all commands. Nothing else is removed: a space is part of a name. */
export function barePath(path: string): string {
  return path.replace(/^\/+|\/+$/g, '')
}

/** A mount path with one slash at its end. */
export function mountPath(path: string): string {
  return `${barePath(path)}/`
}

/**
 * A path in a URL: every character with a meaning in a URL or a shell is encoded, so that what was
 * written arrives as it is. Only slashes stay.
 */
export function encodePath(path: string): string {
  return path
    .split('/')
    .map((segment) =>
      encodeURIComponent(segment)
        .replace(/%2B|%3A|%40|%26|%3D/g, decodeURIComponent)
        .replace(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`),
    )
    .join('/')
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
