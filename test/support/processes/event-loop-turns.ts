/** The number of turns of the event loop during some work; blocking work lets it turn rarely. */
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
