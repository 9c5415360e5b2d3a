import type { Json } from '../../../util/json.ts'
import type { Command, Run } from '../../framework/command.ts'
import { showResponse, showValue } from '../../output/show.ts'
import { columns, rfc822 } from '../../output/table.ts'

async function keyStatus(run: Run): Promise<number> {
  const body = await run.client.ask('term', 'GET', 'sys/key-status')
  if (body['wrap_info']) return showResponse(run, body)
  const { term, install_time: time, encryptions } = (body['data'] ?? body) as Json
  if (run.format !== 'table') await showValue(run, { term, install_time: time, encryptions })
  else
    run.out(
      `${columns([
        ['Key Term', String(term)],
        ['Install Time', rfc822(String(time))],
        ['Encryption Count', String(encryptions)],
      ])}\n`,
    )
  return 0
}

async function rotate(run: Run): Promise<number> {
  await run.client.send('PUT', 'sys/rotate')
  if (run.format === 'table') run.out('Success! Rotated key\n\n')
  return keyStatus(run)
}

/** `operator key-status`, `operator rotate`. */
export const operatorCommands: readonly Command[] = [
  {
    name: 'operator key-status',
    about: 'Show the encryption key in use',
    args: [0, 0],
    shows: ['format'],
    doing: 'reading the key status',
    run: keyStatus,
  },
  {
    name: 'operator rotate',
    about: 'Rotate the encryption key',
    args: [0, 0],
    shows: ['format'],
    doing: 'rotating the key',
    run: rotate,
  },
]
