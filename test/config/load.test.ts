import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { loadConfig } from '../../src/config/load.ts'
import { ConfigError } from '../../src/config/source.ts'

const whole = `
storage "level" { path = "/data" min_free_bytes = 1048576 }
listener "tcp" {
  address = "127.0.0.1:8200"
  tls_cert_file = "cert.pem"
  tls_key_file = "key.pem"
  tls_min_version = "tls13"
  http_read_header_timeout = "5s"
}
listener "tcp" { address = "[::1]:8202" tls_disable = true disable_unauthed_rekey_endpoints = false }
audit "file" "first" { description = "what happened" options { file_path = "audit.log" log_raw = false } }
audit "file" { options { file_path = "other.log" } }
audit_witness "one" { url = "https://witness.example:8210" key = "w.example+01020304+BAAA" tls_ca_file = "ca.pem" }
api_addr = "https://vault.example:8200"
default_lease_ttl = "1h"
max_lease_ttl = 7200
log_level = "warn"
log_file = "/var/log/s.log"
backup_folder = "/mnt//backup/"
log_rotate_bytes = 100
log_rotate_duration = "1h"
log_rotate_max_files = -1
unsafe_allow_api_audit_creation = true
user_lockout "all" { lockout_threshold = "25" lockout_duration = "40m" }
user_lockout "userpass" { lockout_counter_reset = 60 disable_lockout = "true" }
`
const sameInJson = {
  storage: { level: { path: '/data', min_free_bytes: 1048576 } },
  listener: [
    {
      tcp: {
        address: '127.0.0.1:8200',
        tls_cert_file: 'cert.pem',
        tls_key_file: 'key.pem',
        tls_min_version: 'tls13',
        http_read_header_timeout: '5s',
      },
    },
    { tcp: { address: '[::1]:8202', tls_disable: 'true', disable_unauthed_rekey_endpoints: 0 } },
  ],
  audit: [
    {
      file: { first: { description: 'what happened', options: { file_path: 'audit.log', log_raw: false } } },
    },
    { file: { options: { file_path: 'other.log' } } },
  ],
  api_addr: 'https://vault.example:8200',
  default_lease_ttl: '1h',
  max_lease_ttl: '7200s',
  log_level: 'WARN',
  log_file: '/var/log/s.log',
  backup_folder: '/mnt/backup',
  log_rotate_bytes: '100',
  log_rotate_duration: 3600,
  log_rotate_max_files: '-1',
  audit_witness: {
    one: { url: 'https://witness.example:8210', key: 'w.example+01020304+BAAA', tls_ca_file: 'ca.pem' },
  },
  unsafe_allow_api_audit_creation: '1',
  user_lockout: {
    all: { lockout_threshold: 25, lockout_duration: '40m' },
    userpass: { lockout_counter_reset: '1m', disable_lockout: true },
  },
}

const enough = 'storage "inmem" {}\nlistener "tcp" { tls_disable = true }\n'

/** What is wrong, and the line and words that the error must have. */
const mistakes: readonly (readonly [string, RegExp])[] = [
  ['storag "level" { path = "/data" }', /:1: "storag" is not a setting.*did you mean "storage"/],
  ['storage "raft" { path = "/data" }', /:1: storage "raft" is not known/],
  ['storage "level" {}', /:1: storage "level" needs a path/],
  ['storage "level" { path = true }', /:1: path must be a string/],
  ['storage "level" { path = "/d"\n min_free_bytes = "-1" }', /:2: min_free_bytes must be a whole number/],
  ['storage "level" { path = "/d"\n pth = "x" }', /:2: "pth" is not a setting.*did you mean "path"/],
  ['storage "inmem" {}\nstorage "inmem" {}', /:2: storage is configured twice/],
  ['listener "quic" {}', /:1: a listener is of type "tcp" or "unix", not "quic"/],
  ['listener "tcp" { address = "127.0.0.1:8200" }', /:1: a listener needs tls_cert_file and tls_key_file/],
  ['listener "tcp" { address = "nowhere" tls_disable = true }', /:1: address "nowhere" must be host:port/],
  ['listener "tcp" { address = "h:65536" tls_disable = true }', /:1: address "h:65536" must be host:port/],
  ['listener "tcp" {\n tls_disable = "perhaps" }', /:2: tls_disable must be true or false/],
  ['listener "tcp" {\n tls_min_version = "tls10" }', /:2: tls_min_version is "tls12" or "tls13"/],
  ['listener "tcp" {\n max_request_size = 1.5 }', /:2: max_request_size must be a whole number/],
  ['listener "tcp" {\n http_idle_timeout = "soon" }', /:2: http_idle_timeout must be a duration/],
  ['listener "tcp" {\n tls_cert = "c" }', /:2: "tls_cert" is not a setting/],
  ['listener "tcp" {\n disable_unauthed_rekey_endpoints = [] }', /:2: disable_unauthed_rekey_endpoints must be/],
  ['audit { }', /:1: an audit block has a type and a name/],
  ['audit "file" {\n optons { } }', /:2: "optons" is not a setting of audit "file"; did you mean "options"/],
  ['audit "file" { options { file_path = [1] } }', /:1: file_path must be a string/],
  ['audit "file" { options = "x" }', /:1: options must be a block/],
  ['audit_witness { url = "x" }', /:1: an audit_witness block has a name/],
  ['audit_witness "w" { url = "https://w" }', /:1: an audit_witness needs url and key/],
  ['audit_witness "w" {\n url = "w:1" }', /:2: url is an http or https address/],
  ['audit_witness "w" {\n key = "x" }', /:2: key is the public key/],
  ['audit_witness "w" {\n name = "x" }', /:2: "name" is not a setting of audit_witness/],
  ['log_level = "loud"', /:1: log_level is one of/],
  ['log_file = "x.log"', /:1: log_file must be a path that begins with/],
  ['backup_folder = "backups"', /:1: backup_folder must be a path that begins with/],
  [
    `storage "level" { path = "/data" }\nbackup_folder = "/data/"\nlistener "tcp" { tls_disable = true }`,
    /backup_folder must not be in the folder of the storage/,
  ],
  [
    `storage "level" { path = "/data/x" }\nbackup_folder = "/data/x/../x/y"\nlistener "tcp" { tls_disable = true }`,
    /backup_folder must not be in the folder of the storage/,
  ],
  ['log_rotate_bytes = 0', /:1: log_rotate_bytes must be a whole number of at least 1/],
  ['log_rotate_duration = "0s"', /:1: log_rotate_duration must be a duration/],
  ['log_rotate_max_files = -2', /:1: log_rotate_max_files must be a whole number/],
  [`log_rotate_max_files = -1\n${enough}`, /have an effect only with log_file/],
  ['log_format = "xml"', /:1: log_format is "standard" or "json"/],
  ['max_lease_ttl = "long"', /:1: max_lease_ttl must be a duration/],
  ['default_lease_ttl = true', /:1: default_lease_ttl must be/],
  ['unsafe_allow_api_audit_creation = "yes"', /:1: unsafe_allow_api_audit_creation must be true or false/],
  ['raw_storage_endpoint = true', /:1: raw_storage_endpoint is not offered/],
  ['user_lockout "jwt" {}', /:1: user_lockout is for one of "all", "approle", "ldap", "userpass"/],
  ['user_lockout "all" {\n lockout_threshold = 0 }', /:2: lockout_threshold must be a whole number of at least 1/],
  ['user_lockout "all" {\n lockout_duration = "0s" }', /:2: lockout_duration must be a duration/],
  ['user_lockout "all" {\n threshold = 3 }', /:2: "threshold" is not a setting of user_lockout "all"/],
  ['user_lockout "all" {}\nuser_lockout "all" {}', /:2: user_lockout "all" is configured twice/],
  ['__proto__ = 1', /:1: "__proto__" is not a setting/],
  ['constructor {}', /:1: "constructor" is not a setting/],
  ['storage = 3', /:1: storage must be a block/],
  ['listener "tcp" { tls_disable = true', /:\d: /],
  ['{"listener": {"tcp": {"tls_disable": tru}}}', /:1: /],
]

describe('the configuration', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'strongroom-config-'))
  })
  afterEach(async () => rm(folder, { recursive: true }))

  const load = async (name: string, text: string) => {
    const path = join(folder, name)
    await writeFile(path, text)
    return loadConfig([path])
  }
  const refused = async (text: string): Promise<string> =>
    load('c.hcl', text).then(
      () => 'accepted',
      (thrown: unknown) => {
        expect(thrown).to.be.instanceOf(ConfigError)
        return (thrown as ConfigError).message
      },
    )

  it('says the same in HCL and in JSON', async () => {
    const inHcl = await load('c.hcl', whole)
    expect(await load('c.json', JSON.stringify(sameInJson))).to.deep.equal(inHcl)
    expect(inHcl).to.deep.equal({
      storage: { type: 'level', path: '/data', minFreeBytes: 1048576 },
      listeners: [
        {
          host: '127.0.0.1',
          port: 8200,
          tls: { certFile: 'cert.pem', keyFile: 'key.pem', minVersion: 'TLSv1.3' },
          readHeaderTimeout: 5,
          unauthedRekey: false,
          unauthedGenerateRoot: false,
        },
        { host: '::1', port: 8202, unauthedRekey: true, unauthedGenerateRoot: false },
      ],
      audits: [
        {
          path: 'first/',
          type: 'file',
          description: 'what happened',
          local: false,
          options: { file_path: 'audit.log', log_raw: 'false' },
        },
        { path: 'file/', type: 'file', description: '', local: false, options: { file_path: 'other.log' } },
      ],
      witnesses: [
        { name: 'one', url: 'https://witness.example:8210', key: 'w.example+01020304+BAAA', caFile: 'ca.pem' },
      ],
      seals: [],
      recoveryUnseals: false,
      initialize: [],
      apiAddr: 'https://vault.example:8200',
      defaultLeaseTtl: 3600,
      maxLeaseTtl: 7200,
      logLevel: 'warn',
      logFile: '/var/log/s.log',
      backupFolder: '/mnt/backup',
      logRotateBytes: 100,
      logRotateDuration: 3600,
      logRotateMaxFiles: -1,
      logFormat: 'standard',
      apiAudit: true,
      userLockout: { all: { threshold: 25, duration: 2400 }, userpass: { counterReset: 60, disabled: true } },
    })
  })

  it('adds up the files of a folder, in order of their names, and leaves others alone', async () => {
    await mkdir(join(folder, 'd'))
    await writeFile(join(folder, 'd/1.hcl'), enough)
    await writeFile(
      join(folder, 'd/2.json'),
      '{"listener": {"tcp": {"address": ":8300", "tls_disable": true, "unsafe_allow_tls_disable_on_network": true}}}',
    )
    await writeFile(join(folder, 'd/notes.txt'), 'no configuration')
    const { listeners } = await loadConfig([join(folder, 'd')])
    expect(listeners.map(({ host, port }) => `${host}:${port}`)).to.deep.equal(['127.0.0.1:8200', '0.0.0.0:8300'])
  })

  it('needs storage and a listener', async () => {
    expect(await refused('listener "tcp" { tls_disable = true }')).to.match(/needs a storage block/)
    expect(await refused('storage "inmem" {}')).to.match(/needs a listener block/)
    expect(await refused('')).to.match(/needs a storage block/)
    const missing = join(folder, 'missing.hcl')
    const message = await loadConfig([missing]).catch((thrown: unknown) => (thrown as Error).message)
    expect(message).to.equal(`${missing}: there is no such file or folder`)
  })

  for (const [text, message] of mistakes)
    it(`refuses ${JSON.stringify(text)}`, async () => {
      expect(await refused(text)).to.match(message)
    })
})
