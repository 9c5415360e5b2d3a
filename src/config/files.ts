import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError } from './source.ts'

/** Bytes of a configuration file. */
const mostBytes = 1024 * 1024

const cures: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'a part of the path is not a folder; correct the path',
  EACCES: 'this user may not read it; run this as the user of the server, or give that user the right to',
  EISDIR: 'it is a folder; name the file in it',
  ELOOP: 'its links lead in a circle; name the file itself',
}

/** @throws ConfigError with the remedy */
function unreadable(path: string): (thrown: unknown) => never {
  return (thrown) => {
    const code = (thrown as NodeJS.ErrnoException).code ?? 'unknown'
    throw new ConfigError([{ file: path, message: cures[code] ?? `it cannot be read (${code})` }], { cause: thrown })
  }
}

/** The files of a path: itself, or those of a folder, *.hcl and *.json in order of name. @throws ConfigError if there is none */
export async function filesOf(path: string): Promise<readonly string[]> {
  const status = await stat(path).catch(unreadable(path))
  if (!status.isDirectory()) return [path]
  const names = (await readdir(path).catch(unreadable(path))).filter((name) => /\.(hcl|json)$/.test(name)).sort()
  if (names.length > 0) return names.map((name) => join(path, name))
  throw new ConfigError([{ file: path, message: 'the folder has no file that ends in .hcl or .json' }])
}

/** The text of a configuration file. @throws ConfigError if it is none, too large (before it is read) or not UTF-8 */
export async function textOf(file: string): Promise<string> {
  const { size } = await stat(file).catch(unreadable(file))
  const tooLarge = (): ConfigError =>
    new ConfigError([
      { file, message: 'it is larger than 1 MiB: this is no configuration; name another file, or divide it' },
    ])
  if (size > mostBytes) throw tooLarge()
  const parts: Buffer[] = []
  try {
    // Devices and pipes have no size, and some no end.
    for await (const part of createReadStream(file, { end: mostBytes })) parts.push(part as Buffer)
  } catch (thrown) {
    unreadable(file)(thrown)
  }
  const bytes = Buffer.concat(parts)
  if (bytes.length > mostBytes) throw tooLarge()
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new ConfigError([{ file, message: 'it is not UTF-8; convert it, or name another file' }])
  }
}
