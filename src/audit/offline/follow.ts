import { open, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { longestLine } from './raw-lines.ts'

/** How a file that grows is watched. */
interface Watch {
  /** The number of last lines to return first. */
  readonly last: number
  /** Waits a moment; false stops. */
  readonly wait: () => Promise<boolean>
}

/** The lines of a file as they are written; continues in the next file when it is closed and a new one has its name. */
export async function* followed(path: string, { last, wait }: Watch): AsyncGenerator<string> {
  let handle = await open(path, 'r')
  try {
    let reader = new Growing(handle)
    let behind: string[] = []
    for await (const line of reader.lines()) behind = [...behind, line].slice(-last)
    if (last > 0) yield* behind
    while (await wait()) {
      yield* reader.lines()
      if (await isStill(handle, path, reader.at)) continue
      const next = await open(path, 'r').catch(() => undefined)
      if (!next) continue
      // Lines that were written before the file got its new name.
      yield* reader.lines()
      await handle.close()
      handle = next
      reader = new Growing(handle)
    }
  } finally {
    await handle.close()
  }
}

async function isStill(handle: FileHandle, path: string, at: number): Promise<boolean> {
  const [mine, named] = await Promise.all([handle.stat(), stat(path).catch(() => undefined)])
  return named === undefined || (named.ino === mine.ino && named.dev === mine.dev && mine.size >= at)
}

/** The complete lines of a file, from the end of the last call. */
class Growing {
  readonly #handle: FileHandle
  readonly #block = Buffer.alloc(64 * 1024)
  #rest: Buffer = Buffer.alloc(0)
  at = 0

  constructor(handle: FileHandle) {
    this.#handle = handle
  }

  async *lines(): AsyncGenerator<string> {
    for (;;) {
      const { bytesRead } = await this.#handle.read(this.#block, 0, this.#block.length, this.at)
      if (bytesRead === 0) return
      this.at += bytesRead
      const bytes = Buffer.concat([this.#rest, this.#block.subarray(0, bytesRead)])
      const end = bytes.lastIndexOf(10)
      this.#rest = bytes.subarray(end + 1)
      if (this.#rest.length > longestLine) this.#rest = Buffer.alloc(0)
      if (end >= 0) yield* bytes.toString('utf8', 0, end).split('\n')
    }
  }
}
