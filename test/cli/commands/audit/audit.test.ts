import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { appendFileSync, copyFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { expect } from 'chai'
import { checkpointFileOf, vkeyFileOf } from '../../../../src/audit/checkpoints/checkpoint-file.ts'
import { vkeyText } from '../../../../src/audit/checkpoints/verifier-key.ts'
import { product } from '../../../../src/util/version.ts'
import { SampleLog } from '../../../audit/sample-log.ts'
import { temporaryFolder } from '../../../support/folder.ts'
import { ScriptedServer, Shell } from '../../support.ts'
import { program } from '../../../support/program.ts'

const secretHash = `hmac-sha256:${'5e'.repeat(32)}`

/** A line about an answer, without its end. */
function answer(
  time: string,
  path: string,
  more: { readonly error?: string; readonly allowed?: boolean; readonly name?: string; readonly data?: object } = {},
): string {
  const { error, allowed = true, name = 'token-app', data } = more
  return JSON.stringify({
    time,
    type: 'response',
    auth: { accessor: 'hmac-sha256:acc', display_name: name, policy_results: { allowed, granting_policies: [{ name: 'app', namespace_id: 'root', type: 'acl' }] } },
    request: { id: `id-${path}`, operation: 'update', mount_point: 'transit/', path, remote_address: '10.0.0.7', ...(data && { data }) },
    response: {},
    ...(error !== undefined && { error }),
  }).slice(0, -1) // prettier-ignore
}

function sample(): SampleLog {
  const log = new SampleLog(join(temporaryFolder(), 'audit.log'), undefined, '2026-10-01T00:00:00')
  log.add(
    answer('2026-10-05T10:00:00.000000000Z', 'transit/encrypt/orders'),
    answer('2026-10-20T10:00:00.000000000Z', 'transit/decrypt/orders', {
      allowed: false,
      error: '1 error occurred:\n\t* permission denied\n\n',
    }),
    answer('2026-11-01T10:00:00.000000000Z', 'transit/decrypt/orders', {
      data: { ciphertext: secretHash, deep: [{ 'a/b': secretHash }] },
    }),
    answer('2026-11-02T10:00:00.000000000Z', '<script>alert(1)</script>', {
      name: '=HYPERLINK("x")',
      error: '\u001b[31mred',
    }),
  )
  return log.checkpoint()
}

describe('the commands for auditors', () => {
  const log = sample()
  const shell = new Shell()
  const key = vkeyText(log.signers[0]!.key)
  const audit = async (...words: string[]) => {
    shell.bytesOut = Buffer.alloc(0)
    const { code, out, err } = await shell.run(['audit', ...words])
    return { code, out: out + shell.bytesOut.toString(), err }
  }

  it('verify: a verdict for each range, in words and as JSON; 0 intact, 3 broken, 1 for unreadable files', async () => {
    const { code, out } = await audit(
      'verify',
      `-keys=${key}`,
      log.path,
      checkpointFileOf(log.path),
      vkeyFileOf(log.path),
    )
    expect(code, out).to.equal(0)
    expect(out).to.include(`intact: ${log.size} lines, 2026-10-01T00:00:00Z to 2026-11-02T10:00:00Z, 1 file`)
    expect(out).to.include(`numbers 1 to ${log.size}: whole, signed`).and.include(log.origin)
    const asJson = JSON.parse((await audit('verify', '-format=json', log.path)).out)
    expect(asJson).to.include({ intact: true, lines: log.size })
    expect(asJson.logs[0].ranges).to.deep.equal([{ from: 1, to: log.size, signed: log.size }])

    const changed = join(temporaryFolder(), 'audit.log')
    writeFileSync(changed, readFileSync(log.path, 'utf8').replace('encrypt/orders', 'encrypt/others'))
    const broken = await audit('verify', changed)
    expect(broken.code).to.equal(3)
    expect(broken.out).to.match(/^BROKEN at .*audit\.log line 2: it was changed/)
    expect((await audit('verify', '-keys=/no/such/file', log.path)).code).to.equal(1)
    expect((await audit('verify', '-keys=a+00000000+AAAA', log.path)).err).to.include('not the text of a public key')
    expect((await audit('verify')).code).to.equal(1)
  })

  it('verify: remarks are sentences', async () => {
    const marked = new SampleLog(join(temporaryFolder(), 'audit.log'))
    marked.begin({ follows: { log: 'ab12', size: 7, leaf: '', why: 'the file was removed' } }).own('gap', { lost: 3 })
    const { code, out } = await audit('verify', marked.checkpoint().path)
    expect(code, out).to.equal(0)
    expect(out)
      .to.include('This log follows another one (ab12, 7 lines): the file was removed.')
      .and.include('3 lines were not written to this log: another device has them, or their requests failed.')
      .and.not.include('{')
  })

  it('verify: shows its progress on a terminal, and only there', async () => {
    const big = new SampleLog(join(temporaryFolder(), 'audit.log'))
    big.add(...Array.from({ length: 3000 }, (_, at) => big.request(at)))
    shell.errIsTerminal = true
    const { err } = await audit('verify', big.path)
    shell.errIsTerminal = false
    expect(err === '' || err.includes('%')).to.equal(true)
    expect((await audit('verify', big.path)).err).to.equal('')
  })

  it('prove and check: one line, from files alone, under a key', async () => {
    const proof = join(shell.home, 'line-3.tlog-proof')
    const { code, out } = await audit('prove', '3', log.path)
    expect(code).to.equal(0)
    expect(out).to.match(/^c2sp\.org\/tlog-proof@v1\nindex 2\n/)
    writeFileSync(proof, out)
    const line = log.lines()[2] as string
    shell.piped = Readable.from([Buffer.from(`${line}\n`)])
    expect((await audit('check', `-keys=${key}`, proof)).out).to.equal(
      `proved: the line is number 3 of ${log.size} in ${log.origin}\n`,
    )
    for (const other of [line.replace('denied', 'DENIED'), log.lines()[1] as string, `${line} `, '']) {
      writeFileSync(join(shell.home, 'line'), other)
      expect((await audit('check', `-keys=${key}`, proof, join(shell.home, 'line'))).code).to.equal(3)
    }
    writeFileSync(join(shell.home, 'line'), line)
    const stranger = vkeyText(log.newSigner().key)
    expect((await audit('check', `-keys=${stranger}`, proof, join(shell.home, 'line'))).code).to.equal(3)
    expect((await audit('check', proof)).err).to.include('-keys')
    expect((await audit('check', `-keys=${key}`, log.path)).code).to.equal(1)
    expect((await audit('prove', '0', log.path)).code).to.equal(1)
    expect((await audit('prove', '99', log.path)).err).to.include('not signed yet')
    const changed = join(temporaryFolder(), 'audit.log')
    for (const path of [checkpointFileOf(log.path), vkeyFileOf(log.path)])
      copyFileSync(path, path.replace(log.path, changed))
    writeFileSync(changed, readFileSync(log.path, 'utf8').replace('encrypt/orders', 'encrypt/others'))
    expect((await audit('prove', '3', changed)).err).to.include('do not lead to the checkpoint')
  })

  it('prove: every line of a log over several files, also when the first files are gone', async () => {
    const long = new SampleLog(join(temporaryFolder(), 'audit.log')).requests(9).checkpoint()
    const first = long.rotate()
    long.requests(7).checkpoint()
    const under = vkeyText(long.signers[0]!.key)
    const lines = [...long.lines(first), ...long.lines()]
    const proof = join(shell.home, 'p')
    for (const [index, line] of lines.entries()) {
      const files = index >= 10 ? [long.path] : [first, long.path]
      const { out, err } = await audit('prove', String(index + 1), ...files)
      writeFileSync(proof, out)
      writeFileSync(join(shell.home, 'line'), line)
      expect((await audit('check', `-keys=${under}`, proof, join(shell.home, 'line'))).code, err).to.equal(0)
    }
    expect((await audit('prove', '3', long.path)).err).to.include('files that are not there any more')
  })

  it('consistency: of an exported checkpoint with a later one; a fork is found without any line', async () => {
    const folder = temporaryFolder()
    const grown = new SampleLog(join(folder, 'audit.log')).requests(4).checkpoint()
    const exported = join(folder, 'exported')
    copyFileSync(checkpointFileOf(grown.path), exported)
    grown.requests(5).checkpoint()
    const now = checkpointFileOf(grown.path)
    const { code, out } = await audit('consistency', exported, now, grown.path)
    expect([code, out]).to.deep.equal([0, 'proved: the first 5 of 10 lines are the same\n'])
    const asJson = JSON.parse((await audit('consistency', '-format=json', exported, now, grown.path)).out)
    expect(asJson).to.deep.include({ consistent: true, old_size: 5, size: 10 })
    expect(asJson.proof.length).to.be.greaterThan(0)
    expect((await audit('consistency', exported, now)).code).to.equal(1)
    // Another log under the same key.
    const twin = new SampleLog(join(folder, 'twin'), grown.id).add('{"a":1').requests(8)
    twin.checkpoint(grown.signers)
    const fork = await audit(
      'consistency',
      `-keys=${vkeyText(grown.signers[0]!.key)}`,
      now,
      checkpointFileOf(twin.path),
    )
    expect(fork.code).to.equal(3)
    expect(fork.out).to.include('NOT PROVED: a fork')
    writeFileSync(grown.path, readFileSync(grown.path, 'utf8').replace('kv/3', 'kv/4'))
    expect((await audit('consistency', exported, now, grown.path)).code).to.equal(3)
  })

  it('read: by time, path, operation, accessor, name, address, id, result', async () => {
    const numbers = async (...flags: string[]): Promise<number[]> => {
      const { out } = await audit('read', '-format=json', ...flags, log.path, checkpointFileOf(log.path))
      return out.split('\n').slice(0, -1).map((line) => (JSON.parse(line) as { readonly chain: { readonly seq: number } }).chain.seq) // prettier-ignore
    }
    expect(await numbers()).to.deep.equal([2, 3, 4, 5])
    expect(await numbers('-type=all')).to.deep.equal([1, 2, 3, 4, 5])
    expect(await numbers('-type=request')).to.deep.equal([1])
    expect(await numbers('-since=2026-10-20')).to.deep.equal([3, 4, 5])
    expect(await numbers('-since=2026-10-20', '-until=2026-11-02T12:00:00+02:00')).to.deep.equal([3, 4])
    expect(await numbers('-until=2026-11')).to.deep.equal([2, 3])
    expect(await numbers('-path=transit/+/orders')).to.deep.equal([2, 3, 4])
    expect(await numbers('-path=transit/decrypt/*')).to.deep.equal([3, 4])
    expect(await numbers('-path=transit')).to.deep.equal([])
    expect(await numbers('-denied')).to.deep.equal([3])
    expect(await numbers('-failed')).to.deep.equal([3, 5])
    expect(await numbers('-accessor=hmac-sha256:acc', '-id=id-transit/encrypt/orders')).to.deep.equal([2])
    expect(await numbers('-address=10.0.0.8')).to.deep.equal([])
    expect((await audit('read', '-since=yesterday', log.path)).code).to.equal(1)
    const { out } = await audit('read', '-failed', log.path)
    expect(out).to.match(
      /^2026-10-20T10:00:00Z +denied +update +token-app +10\.0\.0\.7 +transit\/decrypt\/orders +1 error occurred: \* permission denied$/m,
    )
    expect(out).to.include('\\u001b[31mred')
    expect(out).to.not.include('\u001b')
  })

  it('find: by a hash, or by a value that the server hashes; never shows the value', async () => {
    const { code, out } = await audit('find', `-hash=${secretHash}`, log.path)
    expect(code).to.equal(0)
    expect(out).to.match(/audit\.log:4 {2}number 4 .* \/request\/data\/ciphertext \/request\/data\/deep\/0\/a~1b\n$/)
    const server = new ScriptedServer({
      'PUT /v1/sys/audit-hash/file': [{ status: 200, body: { data: { hash: secretHash } } }],
    })
    shell.env['VAULT_ADDR'] = await server.listen()
    shell.stdin = 'the secret\n'
    const asked = await audit('find', '-format=json', '-value-stdin', log.path)
    server.close()
    expect(JSON.parse(asked.out).found).to.have.length(1)
    expect(JSON.parse(server.seen[0]?.body ?? '')).to.deep.equal({ input: 'the secret' })
    expect(asked.out).to.not.include('the secret')
    expect((await audit('find', '-hash=abc', log.path)).code).to.equal(1)
    expect((await audit('find', log.path)).code).to.equal(1)
  })

  it('report: JSON, CSV and one HTML file in which nothing of the log can do harm', async () => {
    const asJson = JSON.parse((await audit('report', log.path)).out)
    expect(asJson).to.include({ intact: true, requests: 4, denied: 1, failed: 1 })
    expect(asJson.days[0]).to.deep.equal({ what: '2026-10-05', count: 1 })
    expect(JSON.parse((await audit('report', '-month=2026-10', log.path)).out).requests).to.equal(2)
    const csv = (await audit('report', '-format=csv', log.path)).out.split('\r\n')
    expect(csv).to.have.length(6)
    expect(csv[4]).to.include('"\'=HYPERLINK(""x"")"')
    const html = (await audit('report', '-format=html', log.path)).out
    expect(html).to.include('&lt;script&gt;alert(1)&lt;/script&gt;')
    expect(html).to.not.include('<script')
    // The verdict in sentences says it once.
    expect(html.match(/found beside the log[;:]|no checkpoint was found/g)?.length ?? 0).to.be.at.most(1)
    expect(html)
      .to.match(/default-src 'none'/)
      .and.not.match(/src=|href=|@import|url\(/)
    expect((await audit('report', '-format=pdf', log.path)).code).to.equal(1)
    const changed = join(temporaryFolder(), 'audit.log')
    writeFileSync(changed, readFileSync(log.path, 'utf8').replace('encrypt/orders', 'encrypt/others'))
    const broken = await audit('report', '-format=html', changed)
    expect(broken.code).to.equal(3)
    expect(broken.out).to.include('The log is BROKEN').and.include('is not what the server wrote')
  })

  it('report: a request is denied by a policy or for its token; a sealed server, a quota or bad input fails it', async () => {
    const told = new SampleLog(join(temporaryFolder(), 'audit.log'), undefined, '2026-10-01T00:00:00')
    const errors = ['Vault is sealed', "cannot write to a path ending in '/'", 'permission denied', '1 error occurred:\n\t* permission denied\n\n']
    told.add(...errors.map((error, at) => answer(`2026-10-05T10:00:0${at}.000000000Z`, `kv/${at}`, { allowed: false, error })))
    expect(JSON.parse((await audit('report', told.path)).out)).to.include({ requests: 4, denied: 2, failed: 2 })
    const { out } = await audit('read', '-denied', told.path)
    expect(out).to.include('kv/2').and.include('kv/3').and.not.match(/kv\/[01]/)
  }) // prettier-ignore

  it('report: the printable page shows files, verdict, actions and gaps', async () => {
    const told = new SampleLog(join(temporaryFolder(), 'audit.log'), undefined, '2026-10-01T00:00:00')
    told.add(
      answer('2026-10-05T10:00:00.123456789Z', 'sys/policies/acl/app', { name: 'root' }),
      answer('2026-10-05T10:00:01.123456789Z', 'transit/export/encryption-key/orders', { name: 'token-ops' }),
      answer('2026-10-05T10:00:02.123456789Z', 'sys/policies/acl/refused', { allowed: false, error: 'denied' }),
      answer('2026-10-05T10:00:03.123456789Z', 'transit/encrypt/orders'),
    )
    told.own('accepted', { code: 'a1b2c3', why: 'lines were cut off its end', device: 'file/' })
    told.own('gap', { lost: 7 })
    told.checkpoint()
    const { out } = await audit('report', '-format=html', `-keys=${vkeyText(told.signers[0]!.key)}`, '-month=2026-10', told.path) // prettier-ignore
    const section = (title: string): string => new RegExp(`<section[^>]*><h2>${title}</h2>.*?</section>`, 's').exec(out)?.[0] ?? '' // prettier-ignore
    expect(section('What this report is about'))
      .to.include(createHash('sha256').update(readFileSync(told.path)).digest('hex'))
      .and.include(told.signers[0]!.key.id)
      .and.include('held by the auditor')
      .and.include(`strongroom ${product.release}`)
      .and.include('-month=2026-10')
    expect(section('The log is intact'))
      .to.include(`None of the ${told.size} lines`)
      .and.include('All of them are covered by a signature of the server, under a key that the auditor holds.')
    expect(section('Privileged actions'))
      .to.include('sys/policies/acl/app')
      .and.include('key exported')
      .and.not.match(/refused|transit\/encrypt/)
    expect(section('Denied and failed requests')).to.include('sys/policies/acl/refused')
    expect(section('Accepted damage')).to.include('code a1b2c3').and.include('lines were cut off its end')
    expect(section('Gaps')).to.include('7 lines were not written to this log')
    expect(out).to.not.match(/\.\d{9}/)
    expect(out).to.include('@media print').and.include('2026-10-05 10:00:01')
  })

  it('tail: shows existing and new lines, across a rotation', async () => {
    const growing = sample()
    const child = spawn(process.execPath, [program, 'audit', 'tail', '-n=1', '-format=json', growing.path])
    let out = ''
    const seen = async (text: string): Promise<void> =>
      new Promise((done) => {
        const look = (): void => void (out.includes(text) && (child.stdout.off('data', look), done()))
        child.stdout.on('data', look)
        look()
      })
    child.stdout.on('data', (part: Buffer) => (out += part.toString()))
    try {
      await seen('script')
      expect(out).to.not.include('encrypt/orders')
      const more = answer('2026-11-03T10:00:00.000000000Z', 'first/more')
      appendFileSync(growing.path, `${more}}\n`.slice(0, 40))
      appendFileSync(growing.path, `${more}}\n`.slice(40))
      await seen('first/more')
      renameSync(growing.path, `${growing.path}.1`)
      writeFileSync(growing.path, `${answer('2026-11-04T10:00:00.000000000Z', 'after/rotation')}}\n`)
      await seen('after/rotation')
    } finally {
      child.kill()
    }
    expect(existsSync(`${growing.path}.1`)).to.equal(true)
  })
})
