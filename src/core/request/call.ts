import type { Caller } from '../../contract/identity.ts'
import type { Request } from '../../contract/request.ts'
import type { Call } from '../../contract/route.ts'
import type { Decision } from './decide.ts'

/** The record of a request came or went after its policy was asked. Nothing was changed: the request is to be judged again. */
export class Misjudged extends Error {}

/** What a handler is given. */
export function callOf(decision: Decision): Call<never> {
  return new HandlerCall(decision) as unknown as Call<never>
}

class HandlerCall implements Call<unknown> {
  readonly engine: unknown
  readonly caller: Caller
  readonly request: Request
  readonly mountPath: string
  readonly spelled: Readonly<Record<string, string>>
  readonly confirm: (exists: boolean) => void
  readonly given: (name: string) => boolean

  constructor({ request, mount, caller, operation, params, spelled = params }: Decision) {
    this.engine = mount?.state
    this.caller = caller
    this.request = request
    this.mountPath = mount?.apiPath ?? ''
    this.spelled = spelled
    this.confirm = (exists) => {
      if (exists === (operation === 'create')) throw new Misjudged()
    }
    this.given = (name) => Object.hasOwn(request.data, name)
  }
}
