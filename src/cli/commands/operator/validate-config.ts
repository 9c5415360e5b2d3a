import { faultText } from '../../../util/hcl/fault.ts'
import type { Command, Run } from '../../framework/command.ts'
import { UsageError } from '../../framework/flags.ts'
import { printable } from '../../output/printable.ts'
import { showValue } from '../../output/show.ts'

/** The files and folders of a command line: arguments, and `-config` as `server` has it. @throws UsageError if there are none */
export function configPaths({ args, flags }: Run): readonly string[] {
  const paths = [...flags.strings('config'), ...args]
  if (paths.length > 0) return paths
  throw new UsageError('name a configuration file or folder, such as /etc/strongroom/strongroom.hcl')
}

async function validate(run: Run): Promise<number> {
  const { files, faults } = await run.checks.validate(configPaths(run))
  const isValid = faults.length === 0
  if (run.format !== 'table') await showValue(run, { valid: isValid, files, faults })
  else if (isValid) run.out(`The configuration is valid: ${printable(files.join(', '))}\n`)
  else {
    const count = faults.length === 1 ? '1 fault' : `${faults.length} faults`
    const list = faults.map((fault) => `${printable(faultText(fault))}\n`).join('')
    run.out(`${list}\n${count}; nothing starts with this configuration.\n`)
  }
  return isValid ? 0 : 1
}

/** `operator validate-config`. */
export const operatorCommands: readonly Command[] = [
  {
    name: 'operator validate-config',
    about:
      'Show everything that is wrong in configuration files or folders, without a server; exit status 0 valid, 1 not valid',
    usage: 'FILE…',
    args: [0, Infinity],
    offline: true,
    flags: {
      config: { kind: 'strings', about: 'A configuration file or folder, as for server; can be repeated.' },
    },
    shows: ['format'],
    run: validate,
  },
]
