import { defineEngine } from '../../contract/engine.ts'
import type { Engine } from '../../contract/engine.ts'
import { codeRoutes } from './codes.ts'
import { keyRoutes } from './keys.ts'
import type { Totp } from './mount.ts'
import { CodesSeen } from './used.ts'

/** Keys of one-time passwords (`totp/`): generates codes, or checks them. */
export function totpEngine(random: (bytes: number) => Uint8Array): Engine {
  return defineEngine<Totp>({
    type: 'totp',
    kind: 'secret',
    about: 'One-time passwords by the time (TOTP): generated, or checked.',
    start: ({ view, clock }) => ({ view, clock, random, seen: new CodesSeen(view) }),
    everyMinute: async ({ seen, clock }) => seen.tidy(clock.now()),
    routes: [...keyRoutes, ...codeRoutes],
  })
}
