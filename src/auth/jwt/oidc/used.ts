import { refuse } from '../../../contract/fault.ts'
import type { View } from '../../../contract/view.ts'
import type { Clock } from '../../../util/clock.ts'
import { anyObject } from '../../../util/stored/shape.ts'
import type { BrowserLogin } from './state.ts'

/** Where it is noted that a login was completed, by the minute in which its state expires. */
const usedKey = ({ id, expiresAt }: BrowserLogin): string => `used/${Math.floor(expiresAt / 60_000)}/${id}`

const usedShape = anyObject('a completed login')

/** @throws Fault invalid_request when the login was completed before */
export async function mustBeUnused(view: Pick<View, 'get'>, login: BrowserLogin): Promise<void> {
  if (await view.get(usedKey(login), usedShape)) throw refuse('this login was completed before: begin again')
}

/** Completes a login, once: of several at the same time one succeeds. @throws Fault invalid_request */
export async function complete(view: View, login: BrowserLogin): Promise<void> {
  await view.transaction(async (tx) => {
    if (await tx.get(usedKey(login), usedShape)) throw refuse('this login was completed before: begin again')
    tx.put(usedKey(login), {})
  })
}

/** Removes the notes about states that have expired. */
export async function tidy({
  view,
  clock,
}: {
  readonly view: Pick<View, 'list' | 'clear'>
  readonly clock: Pick<Clock, 'now'>
}): Promise<void> {
  const thisMinute = Math.floor(clock.now() / 60_000)
  for (const folder of await view.list('used/'))
    if (Number.parseInt(folder, 10) < thisMinute) await view.clear(`used/${folder}`)
}
