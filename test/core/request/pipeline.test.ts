import { expect } from 'chai'
import type { AuditBroker } from '../../../src/audit/broker.ts'
import { routesOf } from '../../../src/contract/route.ts'
import { Pipeline } from '../../../src/core/request/pipeline.ts'
import type { RequestHead } from '../../../src/core/request/admit.ts'
import { sealedDecider } from '../../../src/core/request/sealed.ts'
import { Traffic } from '../../../src/core/telemetry/traffic.ts'
import { systemClock } from '../../../src/util/clock.ts'
import { silent } from '../../../src/util/log.ts'

const { write } = routesOf<never>()

/** Asks a sealed server that is unsealed while the request line is written. @returns the response or the error, and what was performed */
async function asked(path: string): Promise<{ readonly outcome: unknown; readonly performed: readonly string[] }> {
  const performed: string[] = []
  const route = (pattern: string, access: 'sudo' | 'public') =>
    write(pattern, {
      about: 'A test.',
      access,
      whenSealed: true,
      handle: () => {
        performed.push(pattern)
        return {}
      },
    })
  let isOpen = false
  const audit = { request: async () => void (isOpen = true), response: async () => {} } as unknown as AuditBroker
  const pipeline = new Pipeline({
    unsealed: () => (isOpen ? ({} as never) : undefined),
    sealed: sealedDecider([route('guarded', 'sudo'), route('free', 'public')]),
    uploads: () => false,
    audit,
    traffic: new Traffic(systemClock),
    log: silent,
  })
  const head = {
    id: '1',
    operation: 'write',
    path: `sys/${path}`,
    namespace: '',
    headers: {},
  } as unknown as RequestHead
  const admitted = await pipeline.admit(head)
  const outcome = await admitted.handle({ data: {}, limits: {} as never }).catch((thrown: unknown) => thrown)
  return { outcome, performed }
}

describe('a request during an unseal', () => {
  it('is not performed without a token when only a sealed server does that', async () => {
    const { outcome, performed } = await asked('guarded')
    expect(performed).to.deep.equal([])
    expect(outcome).to.include({ code: 'unavailable' })
  })

  it('is performed when it never needs a token', async () => {
    expect((await asked('free')).performed).to.deep.equal(['free'])
  })
})
