import type { Clock } from '../../util/clock.ts'

const between = 250

/** Passes a stream on, and shows its progress on one line, which is erased at the end. */
export async function* withProgress(
  stream: AsyncIterable<Uint8Array>,
  clock: Clock,
  show: (text: string) => void,
): AsyncGenerator<Uint8Array> {
  const start = clock.now()
  let [bytes, printedAt] = [0, start]
  try {
    for await (const part of stream) {
      bytes += part.length
      yield part
      const now = clock.now()
      if (now - printedAt < between) continue
      printedAt = now
      show(`\r\u001b[K${amount(bytes)}, ${amount((bytes * 1000) / (now - start))}/s`)
    }
  } finally {
    if (printedAt > start) show('\r\u001b[K')
  }
}

const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** A number of bytes for people: `1.5 GiB`. */
export function amount(bytes: number): string {
  const unit = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1)
  return `${(bytes / 1024 ** unit).toFixed(unit === 0 ? 0 : 1)} ${units[unit]}`
}
