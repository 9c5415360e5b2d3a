/** How often the event loop came round while something was done: what holds it would let it come round rarely. */
export async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let [turns, busy] = [0, true]
  const tick = (): void => {
    turns++
    if (busy) setImmediate(tick)
  }
  setImmediate(tick)
  await work()
  busy = false
  return turns
}
