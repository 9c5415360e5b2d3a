import { Fault } from '../../contract/fault.ts'
import type { Caller } from '../../contract/identity.ts'
import { readFields } from '../../contract/field.ts'
import type { Request } from '../../contract/request.ts'
import type { FormedResponse } from '../../contract/response.ts'
import type { BeforeChange, Call, JudgedAgain } from '../../contract/route.ts'
import type { Decision } from './decision/decision.ts'

/** The record of a request was created or removed after the policy decided. Nothing was changed: the request is decided again. */
export class RecordChanged extends Error {}

/** What a handler may ask for while it runs. */
export interface HandlerSteps {
  readonly beforeChange: BeforeChange
  readonly judgedAgain: JudgedAgain
}

/** The argument of a handler. Without steps the handler may not change anything. */
export function callOf(decision: Decision, steps: Partial<HandlerSteps> = {}): Call<never> {
  return new HandlerCall(decision, steps) as unknown as Call<never>
}

/** Reads the fields of a request that was allowed, and handles it. */
export async function handled(decision: Decision, steps: Partial<HandlerSteps>): Promise<FormedResponse> {
  const { route, params } = decision
  if (!route) throw new Fault('internal', 'internal error')
  const values = readFields(route.fields, { ...handledData(decision), ...params })
  return route.handle(callOf(decision, steps), values)
}

/** The parameters of a request as they are handled: a policy may have set the limit of a list. */
export function handledData({ request: { data }, limit }: Pick<Decision, 'request' | 'limit'>): Request['data'] {
  return limit === undefined ? data : { ...data, limit }
}

const refuse = (): Promise<never> => Promise.reject(new Fault('internal', 'internal error'))

class HandlerCall implements Call<unknown> {
  readonly engine: unknown
  readonly caller: Caller
  readonly request: Request
  readonly beforeChange: BeforeChange
  readonly judgedAgain: JudgedAgain
  readonly mountPath: string
  readonly rawParams: Readonly<Record<string, string>>
  readonly confirm: (exists: boolean) => void
  readonly isGiven: (name: string) => boolean

  constructor(
    { request, mount, caller, operation, params, rawParams = params }: Decision,
    { beforeChange = refuse, judgedAgain = refuse }: Partial<HandlerSteps>,
  ) {
    this.beforeChange = beforeChange
    this.judgedAgain = judgedAgain
    this.engine = mount?.state
    this.caller = caller
    this.request = request
    this.mountPath = mount?.apiPath ?? ''
    this.rawParams = rawParams
    this.confirm = (exists) => {
      if (exists === (operation === 'create')) throw new RecordChanged()
    }
    this.isGiven = (name) => Object.hasOwn(request.data, name)
  }
}
