import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect } from 'chai'
import { ProcessServer } from '../../support/processes/process-server.ts'
import { temporaryFolder } from '../../support/folder.ts'

/** Prints each datagram, and closes the descriptors that come with it: systemd-notify waits for that. */
const listener = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("ready", flush=True)
while True:
    data, fds, _, _ = socket.recv_fds(s, 4096, 4)
    for fd in fds: os.close(fd)
    print(data.decode().replace("\\n", " "), flush=True)
`

describe('a unit of systemd with Type=notify', () => {
  const path = join(temporaryFolder(), 'notify')
  let systemd: ChildProcess
  let received = ''
  before(async function () {
    if (!existsSync('/usr/bin/systemd-notify')) return this.skip()
    systemd = spawn('python3', ['-c', listener, path], { stdio: ['ignore', 'pipe', 'inherit'] })
    systemd.stdout?.on('data', (part: Buffer) => (received += part.toString()))
    await arrives('ready')
  })
  after(() => void systemd?.kill())

  async function arrives(text: string): Promise<void> {
    while (!received.includes(text)) await once(systemd.stdout as NonNullable<ChildProcess['stdout']>, 'data')
  }

  it('hears when the server listens, and when it stops', async () => {
    const server = new ProcessServer([], '', { NOTIFY_SOCKET: path })
    await server.start()
    await arrives('READY=1')
    expect(received).to.not.include('STOPPING')
    await server.kill('SIGTERM')
    await arrives('STOPPING=1')
  })

  it('is no condition of the start: a socket that nobody reads is a warning', async () => {
    const server = new ProcessServer([], '', { NOTIFY_SOCKET: `${path}-none` })
    await server.start()
    expect((await server.call('GET', 'sys/seal-status')).status).to.equal(200)
    await server.kill('SIGTERM')
    expect(server.serverLog).to.include('systemd could not be told READY=1')
  })
})
