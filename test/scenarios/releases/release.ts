import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'

/** A request whose answer must not change, whichever release is asked. `answer` is a part of its `data`. */
export interface Question {
  readonly method: string
  readonly path: string
  readonly body?: unknown
  readonly answer: unknown
}

/** What a release left on the disk, and how to find out whether another one reads it. */
export interface Release {
  readonly version: string
  readonly share: string
  readonly token: string
  /** By path: base64 of their gzip. */
  readonly files: Readonly<Record<string, string>>
  readonly questions: readonly Question[]
}

/** Files of a folder as a release has them. */
export function filesOf(folder: string): Record<string, string> {
  const names = readdirSync(folder, { withFileTypes: true, recursive: true })
  return Object.fromEntries(
    names
      .filter((entry) => entry.isFile() && !/^(LOCK|LOG.*|strongroom\.hcl)$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path.slice(folder.length + 1), gzipSync(readFileSync(path)).toString('base64')]),
  )
}

export function putFiles(files: Release['files'], folder: string): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true, mode: 0o700 })
    writeFileSync(join(folder, path), gunzipSync(Buffer.from(content, 'base64')), { mode: 0o600 })
  }
}
