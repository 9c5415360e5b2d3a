import { writeFileSync } from 'node:fs'
import { formatPolicy } from '../policy/format.ts'
import type { Command } from './command.ts'
import { fileText } from './data.ts'
import { UsageError } from './flags.ts'
import { showValue } from './show.ts'

const named = (name: string): string => name.trim().toLowerCase()

/** `policy …`. */
export const policyCommands: readonly Command[] = [
  {
    name: 'policy list',
    about: 'List policies',
    args: [0, 0],
    run: async (run) => {
      const { body } = await run.client.send('GET', 'sys/policies/acl?list=true')
      const keys = (body?.['data'] as { readonly keys?: readonly string[] } | undefined)?.keys ?? []
      if (run.format === 'table') run.out(`${keys.join('\n')}\n`)
      else showValue(run, keys)
      return 0
    },
  },
  {
    name: 'policy read',
    about: 'Read a policy',
    usage: 'NAME',
    args: [1, 1],
    run: async (run) => {
      const name = named(run.args[0] ?? '')
      if (name === 'root') {
        run.err('No policy named: root (it has no text: it allows everything)')
        return 2
      }
      const { body } = await run.client.send('GET', `sys/policies/acl/${name}`)
      const policy = String((body?.['data'] as { readonly policy?: string } | undefined)?.policy ?? '')
      if (run.format === 'table') run.out(`${policy.trimEnd()}\n`)
      else showValue(run, { policy })
      return 0
    },
  },
  {
    name: 'policy write',
    about: 'Write a policy from a file, or from standard input with "-"',
    usage: 'NAME FILE',
    args: [2, 2],
    run: async (run) => {
      const [written = '', file = ''] = run.args
      const policy = file === '-' ? await run.stdin() : fileText(file)
      const name = named(written)
      if (name !== written) run.err(`Policy name was converted to ${name}`)
      await run.client.send('PUT', `sys/policies/acl/${name}`, { policy })
      run.out(`Success! Uploaded policy: ${name}\n`)
      return 0
    },
  },
  {
    name: 'policy delete',
    about: 'Remove a policy',
    usage: 'NAME',
    args: [1, 1],
    run: async (run) => {
      const name = named(run.args[0] ?? '')
      await run.client.send('DELETE', `sys/policies/acl/${name}`)
      run.out(`Success! Deleted policy: ${name}\n`)
      return 0
    },
  },
  {
    name: 'policy fmt',
    about: 'Format a policy file',
    usage: 'FILE',
    args: [1, 1],
    run: async (run) => {
      const file = run.args[0] ?? ''
      const text = fileText(file)
      try {
        writeFileSync(file, formatPolicy(text))
      } catch (thrown) {
        throw new UsageError(thrown instanceof Error ? thrown.message : 'the policy cannot be read')
      }
      run.out(`Success! Formatted policy: ${file}\n`)
      return 0
    },
  },
]
