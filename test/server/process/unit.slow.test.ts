import { spawnSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { expect } from 'chai'
import { temporaryFolder } from '../../support/folder.ts'
import { leaveOut } from '../../support/leave-out.ts'
import { ProcessServer } from '../../support/processes/process-server.ts'

/** Runs a command with the system calls of a unit, as systemd.exec(5) merges them; every other one ends the process. */
const filtered = `
import ctypes, os, re, subprocess, sys
lib = ctypes.CDLL('libseccomp.so.2')
lib.seccomp_init.restype = ctypes.c_void_p
lib.seccomp_rule_add.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint]
lib.seccomp_load.argtypes = [ctypes.c_void_p]

def calls(word):
    if not word.startswith('@'): return {word}
    shown = subprocess.run(['systemd-analyze', 'syscall-filter', word], capture_output=True, text=True, check=True).stdout
    lines = [line.strip() for line in shown.splitlines()[1:]]
    return set().union(*[calls(line) for line in lines if line and not line.startswith('#')])

allowed = calls('@default')
for sign, words in re.findall('^SystemCallFilter=(~?)(.*)$', open(sys.argv[1]).read(), re.M):
    named = set().union(*[calls(word) for word in words.split()])
    allowed = allowed - named if sign else allowed | named
kill, allow, no_new_privileges = 0x80000000, 0x7fff0000, 38
filter = lib.seccomp_init(kill)
for name in allowed:
    number = lib.seccomp_syscall_resolve_name(name.encode())
    if number >= 0: lib.seccomp_rule_add(filter, allow, number, 0)
ctypes.CDLL(None).prctl(no_new_privileges, 1, 0, 0, 0)
if lib.seccomp_load(filter) != 0: sys.exit('no filter')
os.execvp(sys.argv[2], sys.argv[2:])
`
const through = ['python3', '-c', filtered, resolve('config/strongroom.service')]

describe('the system calls that the unit allows', function () {
  this.timeout(60_000)
  before(function () {
    if (spawnSync('systemd-analyze', ['--version']).status !== 0) leaveOut(this, 'systemd-analyze is missing')
    const { status, stderr } = spawnSync('python3', ['-c', 'import ctypes; ctypes.CDLL("libseccomp.so.2")'])
    if (status !== 0) leaveOut(this, `python3 with libseccomp is missing: ${String(stderr)}`)
  })

  it('end a program that changes its user', () => {
    const [command, ...words] = [...through, process.execPath, '-e', 'process.setuid(process.getuid())']
    expect(spawnSync(command, words).signal).to.equal('SIGSYS')
  })

  it('are enough for the start, logins, slow keys, a socket with a group, snapshots, a reload, and the stop', async () => {
    const socket = join(temporaryFolder(), 's')
    const listener = `listener "unix" { address = "${socket}" socket_group = "${process.getgid?.()}" }`
    const server = new ProcessServer(['audit'], listener, { NOTIFY_SOCKET: `${socket}-none` }, through)
    await server.start()
    try {
      await server.init()
      await server.unseal()
      await server.done('POST', 'sys/auth/userpass', { type: 'userpass' })
      await server.done('POST', 'auth/userpass/users/anna', { password: 'pass-of-anna' })
      await server.done('POST', 'auth/userpass/login/anna', { password: 'pass-of-anna' })
      await server.done('POST', 'sys/mounts/transit', { type: 'transit' })
      await server.done('POST', 'transit/keys/slow', { type: 'rsa-3072' })
      const snapshot = await fetch(`${server.address}/v1/sys/storage/raft/snapshot`, { headers: { 'X-Vault-Token': server.token } }) // prettier-ignore
      expect([snapshot.status, (await snapshot.arrayBuffer()).byteLength > 1000]).to.deep.equal([200, true])
      expect((await server.call('GET', 'sys/host-info')).status).to.equal(200)
      server.signal('SIGHUP')
      while (!server.serverLog.includes('reloaded')) await new Promise(setImmediate)
    } finally {
      await server.kill('SIGTERM')
    }
    expect(server.serverLog).to.include('stopped')
  })
})
