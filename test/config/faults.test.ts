import { mkdirSync, writeFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect } from 'chai'
import { readConfig } from '../../src/config/load.ts'
import { Shell } from '../cli/support.ts'
import { temporaryFolder } from '../support/folder.ts'
import { program } from '../support/program.ts'

const folder = temporaryFolder()
let names = 0
const file = (text: string | Buffer, name = `${++names}.hcl`): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

/** The line and the setting of everything that is wrong. */
async function faultsOf(text: string): Promise<readonly string[]> {
  const { faults } = await readConfig([file(text)])
  return faults.map(({ line, setting }) => `${line ?? '-'} ${setting ?? '-'}`)
}

const wrong = `storag "level" { path = "/data" }
listener "tcp" {
  address = "127.0.0.1:8200"
  tls_cert = "c.pem"
  tls_min_version = "tls10"
  max_request_size = "large"
  telemetry { unauthenticated_metrics_acces = true }
}
listener "tcp" {
  address = "nowhere"
  tls_disable = true
}
audit "file" { options { file_path = [1] } }
audit "file" "two" { optons { file_path = "/a" } }
audit_witness "w" { url = "w:1" key = "x" }
seal "static" { current_key_id = true current_key = "short" }
seal "none" {}
user_lockout "all" { lockout_threshold = 0 lockout_duration = "0s" }
telemetry { statsd_adress = "h:1" disable_hostname = "perhaps" }
log_level = "loud"
log_rotate_bytes = 5
default_lease_ttl = "2h"
max_lease_ttl = "1h"
`

describe('errors in a configuration', () => {
  it('is said completely, with line and setting', async () => {
    expect(await faultsOf(wrong)).to.deep.equal([
      '1 storag',
      '4 tls_cert',
      '5 tls_min_version',
      '6 max_request_size',
      '7 unauthenticated_metrics_acces',
      '2 listener',
      '9 listener',
      '13 file_path',
      '14 optons',
      '15 url',
      '15 key',
      '16 current_key_id',
      '16 current_key',
      '17 seal',
      '18 lockout_threshold',
      '18 lockout_duration',
      '19 statsd_adress',
      '19 disable_hostname',
      '20 log_level',
      '- log_file',
      '- default_lease_ttl',
    ])
  })

  it('is said completely in JSON, where blocks of a kind are one setting', async () => {
    const text = JSON.stringify({
      storage: { level: { pth: '/data' } },
      listener: [{ tcp: { address: 'nowhere', tls_disable: true } }, { quic: {} }, { tcp: { tls_disabled: true } }],
      audit: [{ file: { one: { optons: {} }, two: { description: [] } } }],
    })
    const { faults } = await readConfig([file(text, 'all.json')])
    expect(faults.map(({ setting }) => setting)).to.deep.equal(['pth', 'listener', 'listener', 'tls_disabled', 'optons', 'description']) // prettier-ignore
  })

  it('names every setting that a block needs, unless its own fault is told', async () => {
    const start = 'storage "inmem" {}\n'
    expect(await faultsOf(`${start}listener "tcp" { foo = 1 }`)).to.deep.equal(['2 foo', '2 listener'])
    expect(await faultsOf(`${start}listener "tcp" { tls_cert_file = true }`)).to.deep.equal(['2 tls_cert_file'])
    expect(await faultsOf(`${start}listener "tcp" { tls_disabled = true }`)).to.deep.equal(['2 tls_disabled'])
    expect(await faultsOf('')).to.deep.equal(['- storage', '- listener'])
  })

  it('includes listeners and audit devices that there are twice', async () => {
    const listener = 'listener "tcp" { tls_disable = true }\n'
    const audit = 'audit "file" { options { file_path = "/a" } }\n'
    expect(await faultsOf(`storage "inmem" {}\n${listener}${listener}${audit}${audit}`)).to.deep.equal(['3 listener', '5 audit']) // prettier-ignore
  })

  it('is told of a thousand faults, and no more', async () => {
    const many = Array.from({ length: 3000 }, (_, at) => `a${at} = 1`).join('\n')
    const { faults } = await readConfig([file(many)])
    expect(faults.length).to.equal(1003)
    expect(faults[1000]?.message).to.equal('more than 1000 faults: correct these first')
  })

  it('includes settings of telemetry that have no effect here', async () => {
    const start = 'storage "inmem" {}\nlistener "tcp" { tls_disable = true }\n'
    const idle = ['disable_hostname = false', 'enable_hostname_label = true', 'add_lease_metrics_namespace_labels = true', 'maximum_gauge_cardinality = 0', 'usage_gauge_period = "0"', 'metrics_prefix = "a-b"', 'prefix_filter = ["vault.token"]', 'statsd_address = "h:1"', 'statsite_address = "h:1"', 'dogstatsd_addr = "h:1"', 'circonus_api_token = "t"', 'stackdriver_project_id = "p"'] // prettier-ignore
    const expected = idle.map((line) => `3 ${line.split(' ')[0]}`)
    expect(await faultsOf(`${start}telemetry { ${idle.join(' ')} }`)).to.deep.equal(expected)
    const right = 'disable_hostname = true enable_hostname_label = false add_lease_metrics_namespace_labels = false maximum_gauge_cardinality = 500 usage_gauge_period = "none" filter_default = true metrics_prefix = "bank" prefix_filter = ["-vault.expire"] prometheus_retention_time = "24h"' // prettier-ignore
    expect(await faultsOf(`${start}telemetry { ${right} }`)).to.deep.equal([])
  })

  it('includes files that are none, in the order of their names', async () => {
    const start = 'storage "inmem" {}\nlistener "tcp" { tls_disable = true }\n'
    const empty = join(folder, 'empty')
    mkdirSync(empty)
    const large = file(Buffer.alloc(10 * 1024 * 1024, ' '))
    const paths = [join(folder, 'missing'), empty, large, file(Buffer.from([0xc3, 0x28])), '/dev/zero', file('a {')]
    const before = process.memoryUsage.rss()
    const { faults, config } = await readConfig([...paths, file(start)])
    expect(process.memoryUsage.rss() - before).to.be.lessThan(9 * 1024 * 1024)
    expect(config).to.equal(undefined)
    expect(faults.map((fault) => [fault.file, fault.message.split(/[;:]/)[0]])).to.deep.equal([
      [paths[0], 'there is no such file or folder'],
      [empty, 'the folder has no file that ends in .hcl or .json'],
      [large, 'it is larger than 1 MiB'],
      [paths[3], 'it is not UTF-8'],
      ['/dev/zero', 'it is larger than 1 MiB'],
      [paths[5], 'line 1, column 4'],
    ])
  })
})

describe('operator validate-config', () => {
  const valid = 'storage "inmem" {}\nlistener "tcp" { tls_disable = true }\n'

  it('has exit status 0 for a valid file and a valid folder', async () => {
    mkdirSync(join(folder, 'conf.d'))
    const path = file(valid, 'conf.d/a.hcl')
    const { code, out, err } = await new Shell().run(`operator validate-config ${join(folder, 'conf.d')}`)
    expect([code, out, err]).to.deep.equal([0, `The configuration is valid: ${path}\n`, ''])
    expect((await new Shell().run(`operator validate-config -config=${path}`)).code).to.equal(0)
  })

  it('has exit status 1, one line for each fault, and the same in JSON', async () => {
    const path = file(wrong)
    const { code, out } = await new Shell().run(`operator validate-config ${path}`)
    expect(code).to.equal(1)
    expect(out).to.include(`${path}:1: "storag" is not a setting of the configuration; did you mean "storage"?\n`)
    expect(out).to.include('\n21 faults; nothing starts with this configuration.\n')
    const inJson = await new Shell().run(`operator validate-config -format=json ${path}`)
    expect(inJson.code).to.equal(1)
    const { faults, ...rest } = JSON.parse(inJson.out) as { readonly faults: readonly unknown[] }
    expect(rest).to.deep.equal({ valid: false, files: [path] })
    expect(faults).to.have.length(21)
    expect(faults[2]).to.deep.equal({ file: path, line: 5, setting: 'tls_min_version', message: 'tls_min_version is "tls12" or "tls13"' }) // prettier-ignore
  })

  it('has no secret of the file in its output', async () => {
    const text = `${valid}seal "static" { current_key_id = "a" current_key = "canary5e7d" }\nseal "transit" { token = "canary5e7d" address = "x" }`
    const { code, out, err } = await new Shell().run(`operator validate-config ${file(text)}`)
    expect(code).to.equal(1)
    expect(out + err).to.not.include('canary5e7d')
  })

  it('needs a file', async () => {
    const { code, err } = await new Shell().run('operator validate-config')
    expect(code).to.equal(1)
    expect(err).to.include('name a configuration file or folder')
  })

  it('says all of it at a start, too', () => {
    const start = () => execFileSync(process.execPath, [program, 'server', `-config=${file(wrong)}`], { stdio: 'pipe' })
    expect(start).to.throw(/"storag" is not a setting[^]*:20: log_level is one of[^]*default_lease_ttl/)
  })
})
