import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startServer } from '../../../src/server/start.ts'
import { HandClock } from '../clock.ts'
import { temporaryFolder } from '../folder.ts'
import { TestServer, initialised, unseal } from '../server.ts'
import type { Body } from '../server.ts'

const path = 'sys/storage/raft/snapshot-auto'

/** A server that makes snapshots by itself, whose clock is moved by hand. */
export class SchedulingServer {
  readonly clock: HandClock
  readonly logged: string[]
  readonly server: TestServer

  private constructor(server: TestServer, clock: HandClock, logged: string[]) {
    this.server = server
    this.clock = clock
    this.logged = logged
  }

  /** A server on LevelDB, sealed. @param backups its `backup_folder`; undefined: none */
  static async on(folder: string, backups: string | undefined, clock = new HandClock()): Promise<SchedulingServer> {
    const config = join(folder, 'c.hcl')
    writeFileSync(
      config,
      `storage "level" { path = "${folder}/data" }
listener "tcp" { address = "127.0.0.1:0" tls_disable = true telemetry { unauthenticated_metrics_access = true } }
audit "file" "file" { options { file_path = "${folder}/audit.log" } }
${backups === undefined ? '' : `backup_folder = "${backups}"`}
`,
    )
    const logged: string[] = []
    const log = (line: string): void => void logged.push(line)
    const running = await startServer({ config: [config], clock, logFormat: 'json', log })
    return new SchedulingServer(new TestServer(running, folder, config), clock, logged)
  }

  /** The same, initialised and unsealed, with a secret. */
  static async unsealed(backups: string | undefined, clock = new HandClock()): Promise<SchedulingServer> {
    const made = await SchedulingServer.on(temporaryFolder(), backups, clock)
    await initialised(made.server)
    await unseal(made.server)
    await made.server.data('POST', 'sys/mounts/kv', { type: 'kv' })
    await made.server.data('POST', 'kv/app', { password: 'of the app' })
    return made
  }

  async configure(name: string, settings: Body): Promise<void> {
    await this.server.data('POST', `${path}/config/${name}`, settings)
  }

  async status(name: string): Promise<Body> {
    return this.server.data('GET', `${path}/status/${name}`)
  }

  /** Moves the clock by some seconds, and waits until the status is as it should be. */
  async after(seconds: number, name: string, holds: (status: Body) => boolean): Promise<Body> {
    this.clock.advance(seconds * 1000)
    for (const end = Date.now() + 20_000; ;) {
      const status = await this.status(name)
      if (status['snapshot_start'] === '' && holds(status)) return status
      if (Date.now() > end) throw new Error(`it did not come: ${JSON.stringify(status)}`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  /** The entries of the server's log about an event. */
  events(name: string): readonly Body[] {
    return this.logged.map((line) => JSON.parse(line) as Body).filter((entry) => entry['@event'] === name)
  }

  /** A metric of one configuration. */
  async metric(name: string, config: string): Promise<number | undefined> {
    const { text } = await this.server.call('GET', '/v1/sys/metrics?format=prometheus')
    const [, value] = new RegExp(`^vault_autosnapshots_${name}\\{snapshot_config_name="${config}"\\} (\\S+)$`, 'm').exec(text) ?? [] // prettier-ignore
    return value === undefined ? undefined : Number(value)
  }
}

export const keptIn = (status: Body): readonly string[] => status['kept'] as readonly string[]
