import { Fault } from '../fault.ts'
import type { FormedResponse, Response } from '../response.ts'
import type { Returns } from './returns.ts'

/** The response of a handler in the form that its route has for it. */
export function formed(returns: Returns | undefined, response: Response): FormedResponse {
  if (response.another) return response.another
  if (response.file) return asFile(returns, response)
  if (response.text !== undefined) return asText(returns, response)
  if (response.data === undefined) return response
  if (returns?.form === 'injected') return { ...response, inject: true }
  if (returns?.form !== 'body') return response
  const { data, ...rest } = response
  return { ...rest, plain: data }
}

function asFile(returns: Returns | undefined, response: Response): FormedResponse {
  if (returns?.form === 'file' && returns.text !== undefined) return { ...response, contentType: returns.text }
  response.file?.stream.destroy()
  throw new Fault('internal', 'internal error')
}

/** A text of which the route says nothing is a mistake of the handler: what nobody declared is not sent. */
function asText(returns: Returns | undefined, response: Response): FormedResponse {
  if (returns?.text === undefined) throw new Fault('internal', 'internal error')
  const { text: plain, ...rest } = response
  return { ...rest, plain, contentType: returns.text }
}
