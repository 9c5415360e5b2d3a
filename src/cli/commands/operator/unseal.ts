import type { Command, Run } from '../../framework/command.ts'
import { keyShareOf } from './key-share.ts'
import { showStatus } from './status.ts'

async function unseal(run: Run): Promise<number> {
  const data = run.flags.bool('reset')
    ? { reset: true }
    : {
        key: await keyShareOf(run, 'Key share (will be hidden): '),
        ...(run.flags.bool('migrate') && { migrate: true }),
        ...damageOptions(run),
      }
  const body = await run.client.ask('sealed', 'PUT', 'sys/unseal', data, { noRetry: true })
  await showStatus(run, body)
  return 0
}

/** Options for records or an audit log that were changed from outside. */
function damageOptions({ flags }: Run): Record<string, string> {
  const [storage, accept, head] = ['accept-storage', 'accept-audit-log', 'expected-head'].map((name) =>
    flags.string(name),
  )
  return {
    ...(storage && { accept_storage: storage }),
    ...(accept && { accept_audit_log: accept }),
    ...(head && { expected_head: head }),
  }
}

async function seal(run: Run): Promise<number> {
  await run.client.send('PUT', 'sys/seal')
  run.out('Success! Vault is sealed.\n')
  return 0
}

async function stepDown(run: Run): Promise<number> {
  await run.client.send('PUT', 'sys/step-down')
  run.out('Success! The server stepped down, if it was the active one.\n')
  return 0
}

/** `operator unseal`, `operator seal`, `operator step-down`. */
export const operatorCommands: readonly Command[] = [
  {
    name: 'operator unseal',
    about: 'Submit one key share: as an argument, "-" for standard input, or at a prompt',
    usage: '[SHARE]',
    args: [0, 1],
    flags: {
      reset: { kind: 'bool', about: 'Discard the shares submitted so far.' },
      migrate: {
        kind: 'bool',
        about: 'Change the seal to that of the configuration. Give this flag with every share.',
      },
      'accept-storage': {
        kind: 'string',
        about:
          'Accept damaged stored records: the code from the error message. "check" checks all records and reports the code.',
      },
      'accept-audit-log': {
        kind: 'string',
        about: 'Accept a damaged audit log: the code from the error message.',
      },
      'expected-head': {
        kind: 'string',
        about: 'The expected head of the audit log: SIZE:ROOT or DEVICE:SIZE:ROOT.',
      },
    },
    shows: ['format'],
    doing: 'unsealing',
    run: unseal,
  },
  {
    name: 'operator seal',
    about: 'Seal the server and wipe its keys from memory',
    args: [0, 0],
    doing: 'sealing',
    run: seal,
  },
  {
    name: 'operator step-down',
    about: 'Make the active server step down',
    args: [0, 0],
    doing: 'stepping down',
    run: stepDown,
  },
]
