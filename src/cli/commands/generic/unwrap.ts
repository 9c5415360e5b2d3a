import type { Command, Run } from '../../framework/command.ts'
import { ServerError } from '../../http/errors.ts'
import { showList } from './generic.ts'
import { showResponse } from '../../output/show.ts'

async function unwrap(run: Run): Promise<number> {
  const [token] = run.args
  const { body } = await run.client.send('PUT', 'sys/wrapping/unwrap', token === undefined ? undefined : { token })
  if (!body) throw new ServerError('the wrapped response is empty')
  const data = body['data'] as { readonly keys?: unknown } | null | undefined
  // The wrapped response may have been a list.
  const isList = data && Object.keys(data).length === 1 && Array.isArray(data.keys)
  return isList && !run.flags.has('field') ? showList(run, '', body) : showResponse(run, body)
}

/** `unwrap`. */
export const unwrapCommands: readonly Command[] = [
  {
    name: 'unwrap',
    about: 'Unwrap a wrapped response, once. Without an argument, the token in use is the wrapping token',
    usage: '[WRAPPING TOKEN]',
    args: [0, 1],
    shows: ['field', 'format'],
    doing: 'unwrapping',
    run: unwrap,
  },
]
