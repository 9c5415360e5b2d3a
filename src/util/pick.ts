/** A uniformly distributed integer from 0 to below `count` (at most 65,536). */
export function pick(count: number, random: (bytes: number) => Uint8Array): number {
  const top = 65_536 - (65_536 % count)
  for (;;) {
    const [high = 0, low = 0] = random(2)
    const drawn = high * 256 + low
    // Numbers above the largest multiple would favour the first results.
    if (drawn < top) return drawn % count
  }
}
