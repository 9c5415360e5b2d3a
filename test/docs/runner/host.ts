import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Shell } from '../../cli/support.ts'
import { certificateFiles } from '../../support/certificate.ts'
import { freePort } from '../../support/free-port.ts'
import { program } from '../../support/program.ts'
import { examplesOf } from './examples.ts'
import { Reader } from './reader.ts'

/** The holders of five shares: whoever is asked for one gives the next. */
const holders = `#!/bin/bash
share() { echo >> "$HOME/brought"; sed -n "$(( ($(wc -l < "$HOME/brought") - 1) % 5 + 1 ))p" "$HOME/shares"; }
case "$*" in
  'operator unseal'*|'operator generate-root -nonce='*|'operator rotate-keys -nonce='*) share | node '${program}' "$@" - ;;
  *) exec node '${program}' "$@" ;;
esac
`

const systemctl = `#!/bin/bash
cd "$HOME"
if [ -e pid ]; then kill "$(cat pid)"; tail --pid="$(cat pid)" -f /dev/null; rm pid; fi
[ "$1" = stop ] && exit
: > server.log
node '${program}' server -config=strongroom.hcl >> server.log 2>&1 &
echo $! > pid
timeout 30 grep -q -m1 'server listens' <(tail -f server.log)
`

/** A host with the shipped configuration in its home folder, a service manager, and five holders of shares, three of whom unseal. */
export class Host {
  readonly reader: Reader
  readonly shell: Shell
  shares: readonly string[] = []
  /** The root token of `operator init`. */
  token = ''

  private constructor(address: string, more: string) {
    const files = certificateFiles()
    const env = { VAULT_ADDR: `https://${address}`, VAULT_CACERT: files.cert }
    this.reader = new Reader(env)
    this.shell = new Shell(env)
    // Only where things are differs from what is shipped.
    const config = readFileSync('config/strongroom.hcl', 'utf8')
      .replace('/var/lib/strongroom', this.reader.folder)
      .replace('/var/log/strongroom', this.reader.folder)
      .replace('0.0.0.0:8200', address)
      .replace('/etc/strongroom/tls/server.crt', files.cert)
      .replace('/etc/strongroom/tls/server.key', files.key)
    writeFileSync(
      join(this.reader.folder, 'strongroom.hcl'),
      `${config}\n${more.replaceAll('$FOLDER', this.reader.folder)}\n`,
    )
    writeFileSync(join(this.reader.folder, 'strongroom'), holders, { mode: 0o755 })
    writeFileSync(join(this.reader.folder, 'systemctl'), systemctl, { mode: 0o755 })
  }

  /** A server on it that is initialised and unsealed. @param more lines of its configuration; `$FOLDER` is its home folder, which has a key for a seal */
  static async start(more = ''): Promise<Host> {
    const host = new Host(`127.0.0.1:${await freePort()}`, more)
    const isAuto = more.includes('seal "')
    if (isAuto) await host.bash('openssl rand -out unseal.key 32')
    await host.bash('systemctl restart strongroom')
    const made = JSON.parse((await host.shell.run('operator init -format=json')).out) as {
      readonly unseal_keys_b64: readonly string[]
      readonly recovery_keys_b64?: readonly string[]
      readonly root_token: string
    }
    host.shares = (isAuto ? made.recovery_keys_b64 : made.unseal_keys_b64) ?? []
    host.token = made.root_token
    writeFileSync(join(host.reader.folder, 'shares'), `${host.shares.join('\n')}\n`)
    if (!isAuto) await host.bash('for holder in 1 2 3; do strongroom operator unseal; done')
    return host
  }

  async bash(code: string): Promise<string> {
    return this.reader.follows({ kind: '', language: 'sh', code, promised: undefined })
  }

  /** Follows the examples of a page that are marked with a kind. @returns what was printed */
  async follows(page: string, kind: string): Promise<string> {
    return this.bash(
      examplesOf(page, kind)
        .map(({ code }) => code)
        .join('\n'),
    )
  }

  /** A command line with a token. */
  async as(token: string, line: string): ReturnType<Shell['run']> {
    this.shell.env['VAULT_TOKEN'] = token
    return this.shell.run(line)
  }

  async stop(): Promise<void> {
    await this.bash('systemctl stop strongroom')
  }
}
