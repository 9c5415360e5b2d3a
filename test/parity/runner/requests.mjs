#!/usr/bin/env node
// requests: sends the same requests to a Vault-compatible server and compares the answers with recorded ones.
//
//   requests.mjs record --cases DIR --golden DIR --server 'CMD'     write golden files from a reference server
//   requests.mjs check  --cases DIR --golden DIR --server 'CMD'     compare a server with the golden files
//
// CMD starts one fresh dev server in the foreground; {port} and {dir} (an empty folder) in it are replaced, and the root token must be `root`:
//   'bao server -dev -dev-root-token-id=root -dev-listen-address=127.0.0.1:{port}'
// Options: --only SUBSTRING (case names), --verbose (every difference), --json FILE (verdict per step), --jobs N (cases at once),
//   --sealed-server CMD    for cases that `export const sealed = true`: starts an uninitialised server, plain HTTP, that keeps its data in {dir}
//   --unauthed-server CMD  for cases that `export const sealed = 'unauthed'`: the same, with rekey and generate-root open to requests without a token
//                          (the listener's disable_unauthed_rekey_endpoints and disable_unauthed_generate_root_endpoints = false)
//   Cases whose server is not given are skipped and named.
//
// A case is DIR/NAME.mjs, `export default [step, …]`. A step (or a function of what was saved that returns one):
//   do: 'POST /v1/transit/keys/a'   method and path; ${name} is replaced from what was saved
//   as: 'root'                      'root', 'none', or a saved name that holds a token
//   ${dir}, ${addr}                 the server's empty folder and its address, always there
//   body, headers                   body: an object (sent as JSON) or a string (sent as it is)
//   save: { ct: 'data.ciphertext' } remember parts of the answer
//   derive: (body, saved) => value  a value computed from the answer (does the signature verify? is the TTL near 60?), compared exactly; runs after save
//   show: ['Location']              answer headers that are compared as well
//   volatile: ['data.keys.*']       further paths whose value may differ (only the kind is compared)
//   loose: true                     compare the status only
//   wait: 1100                      milliseconds to wait before the request
//   restart: true                   instead of a request: kill the server and start it again on the same {dir} (sealed cases)
// Exit status: 0 all steps alike, 1 some differ, 2 the run itself failed (a server did not come up, a golden file is missing).
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync, mkdirSync, mkdtempSync, rmSync, existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, basename, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import http from 'node:http'
import { isDeepStrictEqual } from 'node:util'
import net from 'node:net'

const [mode, ...rest] = process.argv.slice(2)
const opt = {}
for (let i = 0; i < rest.length; i++) {
  const key = rest[i].replace(/^--/, '')
  opt[key] = ['verbose', 'strict'].includes(key) ? true : rest[++i]
}
if (!['record', 'check'].includes(mode) || !opt.cases || !opt.golden || !opt.server) {
  console.error(
    'usage: requests.mjs record|check --cases DIR --golden DIR --server CMD [--only S] [--verbose] [--json FILE]',
  )
  process.exit(2)
}

// ---- what may differ between two right answers ------------------------------------------------------------------
const volatileKeys = new Set(
  `request_id accessor client_token token wrapped_accessor creation_time expire_time issue_time last_renewal last_renewal_time
   created_time updated_time last_update_time last_updated_time deletion_time nonce uuid entity_id id canonical_id mount_accessor
   server_time_utc cluster_id cluster_name version build_date commit_date commit ciphertext signature hmac random_bytes secret_id role_id secret_id_accessor
   public_key lease_id client_id install_time encoded_token encoded_root_token otp otp_length verification_nonce keys_base64 root_token
   hash backup plaintext_key private_key certificate serial_number csr wrapping_token path_help running_sha256 sha plugin_version
   running_plugin_version time expiration not_before not_after ca_chain issuing_ca issuer_id key_id barcode url storage_type`.split(
    /\s+/,
  ),
)
const keepValueWhenEmpty = (v) => v === '' || v === null || v === false || v === 0

function kind(v) {
  if (v === null) return '<null>'
  if (Array.isArray(v)) return `<array:${v.length}>`
  if (typeof v === 'number') return '<number>'
  if (typeof v !== 'string') return `<${typeof v}>`
  if (v.startsWith('<number:')) return '<number>'
  if (/^<[^<>]+>$/.test(v)) return v
  if (/^vault:v\d+:/.test(v)) return v.replace(/^(vault:v\d+:).*$/s, '<$1…>')
  if (/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(v)) return '<uuid>'
  if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(v)) return '<time>'
  if (/^-----BEGIN ([A-Z ]+)-----/.test(v)) return `<pem:${RegExp.$1}>`
  return '<string>'
}
const soften = (s) =>
  s
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<uuid>')
    .replace(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\dZ+:-]*/g, '<time>')
    .replace(/127\.0\.0\.1:\d+/g, '<addr>')
    .replace(/\b(hv[sbr]|s|b|r)\.[A-Za-z0-9_-]{20,}/g, '<token>')
    .replace(/\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+/g, '<token>')
    .replace(/\b[a-z]+_[0-9a-f]{8}\b/g, '<accessor>')

// Texts that clients are known to match, and short ones, are compared to the letter; longer sentences only by their presence: ours should be better.
const matched =
  /permission denied|missing client token|bad token|invalid token|is sealed|already initialized|unsupported (path|operation)|no handler for route|check-and-set parameter (did not match|required)|path is already in use|wrapping token is not valid|invalid lease|lease not found|Endpoint ignored these unrecognized|is too (new|old)|too old\)|version is disallowed|not allowed for this key|Invalid path for a versioned/
const sentence = (text) => {
  const bare = text.replace(/^\d+ errors? occurred:\s*\* /, '').trim()
  if (/Invalid path for a versioned/.test(bare)) return 'Invalid path for a versioned K/V secrets engine…'
  if (/no handler for route/.test(bare)) return 'no handler for route…'
  return matched.test(bare) || bare.split(/\s+/).length <= 4 ? text : '<text>'
}
const match = (pattern, path) => {
  const p = pattern.split('.'),
    q = path.split('.')
  return p.length === q.length && p.every((x, i) => x === '*' || x === q[i])
}
function normalise(v, extra, path = '') {
  const key = path.split('.').pop()
  if (extra.some((p) => match(p, path))) return kind(v)
  if (
    volatileKeys.has(key) &&
    typeof v !== 'boolean' &&
    !(key === 'version' && (typeof v === 'number' || path.endsWith('options.version'))) &&
    (typeof v !== 'object' || v === null) &&
    !keepValueWhenEmpty(v)
  )
    return kind(v)
  if (Array.isArray(v)) return v.map((x, i) => normalise(x, extra, path ? `${path}.${i}` : String(i)))
  if (v && typeof v === 'object')
    return Object.fromEntries(
      Object.keys(v)
        .sort()
        .map((k) => [k, normalise(v[k], extra, path ? `${path}.${k}` : k)]),
    )
  if (typeof v === 'number' && v > 1.7e9 && v < 2.2e9 && !/num|count|max|limit|version|ttl/.test(key))
    return '<unix time>'
  return typeof v === 'string'
    ? /(^|\.)(errors|warnings)\.\d+$|\.error$/.test(path)
      ? sentence(soften(v))
      : soften(v)
    : v
}
function compare(want, got, path, out) {
  if (
    want !== null &&
    typeof want === 'object' &&
    got !== null &&
    typeof got === 'object' &&
    Array.isArray(want) === Array.isArray(got)
  ) {
    if (Array.isArray(want) && want.length !== got.length) return (out.push({ path, what: 'differs', want, got }), out)
    for (const k of new Set([...Object.keys(want), ...Object.keys(got)])) {
      const p = path ? `${path}.${k}` : k
      if (!(k in got)) out.push({ path: p, what: 'missing', want: want[k] })
      else if (!(k in want)) out.push({ path: p, what: 'extra', got: got[k] })
      else compare(want[k], got[k], p, out)
    }
  } else if (JSON.stringify(want) !== JSON.stringify(got)) out.push({ path, what: 'differs', want, got })
  return out
}

// ---- one fresh server a case -------------------------------------------------------------------------------------
const freePort = () =>
  new Promise((ok) => {
    const s = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = s.address()
      s.close(() => ok(port))
    })
  })
const sleep = (ms) => new Promise((ok) => setTimeout(ok, ms))
function send(port, method, path, headers, body) {
  return new Promise((ok, bad) => {
    const r = http.request({ host: '127.0.0.1', port, method, path, headers, timeout: 30000 }, (res) => {
      const parts = []
      res.on('data', (d) => parts.push(d))
      res.on('end', () => ok({ status: res.statusCode, headers: res.headers, text: Buffer.concat(parts).toString() }))
    })
    r.on('error', bad)
    r.on('timeout', () => r.destroy(new Error('no answer in 30 s')))
    if (body !== undefined) r.write(body)
    r.end()
  })
}
const serverOption = (sealed) => (!sealed ? 'server' : sealed === true ? 'sealed-server' : `${sealed}-server`)
async function startServer(port, dir, sealed) {
  const command = opt[serverOption(sealed)]
  const child = spawn('/bin/sh', ['-c', `exec ${command.replaceAll('{port}', port).replaceAll('{dir}', dir)}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, HOME: dir },
    detached: true,
  })
  let log = ''
  child.stdout.on('data', (d) => (log += d))
  child.stderr.on('data', (d) => (log += d))
  const gone = new Promise((ok) => child.on('exit', ok))
  const stop = async () => {
    try {
      process.kill(-child.pid, 'SIGKILL')
    } catch {}
    await gone
  }
  for (let i = 0; ; i++) {
    try {
      const h = await send(port, 'GET', '/v1/sys/health', {})
      if (h.status === 200 || (sealed && h.status > 0)) return stop
    } catch {}
    if (i > 300 || child.exitCode !== null) {
      await stop()
      throw new Error(`server did not come up:\n${log.slice(-2000)}`)
    }
    await sleep(100)
  }
}

const fill = (v, vars) =>
  typeof v === 'string'
    ? v.replace(/\$\{(\w+)\}/g, (_, n) => vars[n] ?? `<unset ${n}>`)
    : Array.isArray(v)
      ? v.map((x) => fill(x, vars))
      : v && typeof v === 'object'
        ? Object.fromEntries(Object.entries(v).map(([k, x]) => [fill(k, vars), fill(x, vars)]))
        : v
// A number that a JavaScript number would write differently (2^53+1, 1e3, 1.0) is kept as the text that the server wrote.
const parse = (text) =>
  JSON.parse(
    text.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (t) =>
      t[0] === '"' || String(Number(t)) === t ? t : `"<number:${t}>"`,
    ),
  )
const pick = (v, path) => path.split('.').reduce((x, k) => x?.[k], v)

async function run(steps, sealed) {
  const port = await freePort()
  const dir = mkdtempSync(join(tmpdir(), 'parity-'))
  let stop = await startServer(port, dir, sealed)
  const vars = { root: 'root', dir, addr: `http://127.0.0.1:${port}` }
  const answers = []
  try {
    for (const s of steps) {
      const step = typeof s === 'function' ? await s(vars) : s
      if (step.wait) await sleep(step.wait)
      if (step.restart) {
        await stop()
        stop = await startServer(port, dir, sealed)
        answers.push({ do: 'restart', status: 0 })
        continue
      }
      const [method, ...p] = fill(step.do, vars).split(' ')
      const body =
        step.body === undefined
          ? undefined
          : typeof step.body === 'string'
            ? fill(step.body, vars)
            : JSON.stringify(fill(step.body, vars))
      const headers = { ...fill(step.headers ?? {}, vars) }
      const as = step.as ?? 'root'
      if (as !== 'none') headers['X-Vault-Token'] = vars[as] ?? `<unset ${as}>`
      if (body !== undefined) {
        headers['Content-Length'] = Buffer.byteLength(body)
        headers['Content-Type'] ??= 'application/json'
      }
      let a
      try {
        a = await send(port, method, p.join(' '), headers, body)
      } catch (e) {
        a = { status: 0, headers: {}, text: String(e.message) }
      }
      let json
      try {
        json = a.text === '' ? null : parse(a.text)
      } catch {
        json = { '<text>': a.text.slice(0, 400) }
      }
      for (const [name, path] of Object.entries(step.save ?? {})) vars[name] = pick(json, path) ?? `<unset ${name}>`
      let derived
      if (step.derive)
        try {
          derived = JSON.parse(JSON.stringify((await step.derive(json, vars)) ?? null))
        } catch (e) {
          derived = `threw ${e.message}`
        }
      const shown = typeof s === 'function' ? step.do.replace(/[A-Za-z0-9._-]{20,}/g, '…') : step.do
      answers.push({
        do: shown,
        as,
        status: a.status,
        body: step.loose ? undefined : normalise(json, step.volatile ?? []),
        derived,
        headers:
          step.show &&
          Object.fromEntries(
            step.show.map((h) => [
              h,
              a.headers[h.toLowerCase()] === undefined ? null : soften(String(a.headers[h.toLowerCase()])),
            ]),
          ),
      })
    }
    return answers
  } finally {
    await stop()
    rmSync(dir, { recursive: true, force: true })
  }
}

// ---- main ---------------------------------------------------------------------------------------------------------
const names = readdirSync(opt.cases)
  .filter((f) => f.endsWith('.mjs') && (!opt.only || f.includes(opt.only)))
  .sort()
if (names.length === 0) {
  console.error(`no cases in ${opt.cases}`)
  process.exit(2)
}
if (mode === 'record') mkdirSync(opt.golden, { recursive: true })
let steps = 0,
  alike = 0,
  statusAlike = 0,
  extras = 0,
  failed = false
const verdicts = []
const results = new Map()
async function work(file) {
  const { default: plan, sealed } = await import(pathToFileURL(resolve(opt.cases, file)))
  if (!opt[serverOption(sealed)]) return { plan, answers: [], skipped: true }
  try {
    return { plan, answers: await run(plan, sealed) }
  } catch (e) {
    return { plan, error: e.message, answers: [] }
  }
}
const queue = [...names]
await Promise.all(
  Array.from({ length: Number(opt.jobs ?? 1) }, async () => {
    for (let f; (f = queue.shift());) {
      const result = await work(f)
      results.set(f, result)
      if (result.error) {
        console.log(`${f}: ${result.error}`)
        failed = true
      } else if (mode === 'record') console.log(`${f}: ${result.answers.length} answers`)
    }
  }),
)
for (const file of names) {
  const name = basename(file, '.mjs')
  const { answers, error, skipped } = results.get(file)
  if (skipped) {
    console.log(`${name}: skipped, needs a server that was not given`)
    continue
  }
  const at = join(opt.golden, `${name}.json`)
  if (mode === 'record') {
    if (!error) writeFileSync(at, JSON.stringify(answers, null, 1) + '\n')
    continue
  }
  if (!existsSync(at)) {
    console.log(`${name}: no golden file`)
    failed = true
    continue
  }
  const golden = JSON.parse(readFileSync(at, 'utf8'))
  let good = 0
  golden.forEach((want, i) => {
    if (want.do === 'restart') return
    const got = answers[i] ?? { status: 0 }
    const diffs = []
    if (want.status !== got.status) diffs.push({ path: 'status', what: 'differs', want: want.status, got: got.status })
    else statusAlike++
    if (want.body !== undefined) compare(normalise(want.body, []), got.body ?? null, '', diffs)
    const exact = (name) => {
      if (want[name] !== undefined && !isDeepStrictEqual(want[name], got[name] ?? null))
        diffs.push({ path: name, what: 'differs', want: want[name], got: got[name] })
    }
    exact('derived')
    exact('headers')
    const bad = diffs.filter((d) => d.what !== 'extra' || opt.strict)
    extras += diffs.length - bad.length
    steps++
    if (bad.length === 0) {
      good++
      alike++
    }
    verdicts.push({ case: name, step: i + 1, do: want.do, as: want.as, ok: bad.length === 0, diffs })
    if (bad.length && (opt.verbose || opt.only)) {
      console.log(`${name} #${i + 1} ${want.do} as ${want.as}`)
      for (const d of bad.slice(0, 12))
        console.log(
          `   ${d.what} ${d.path || '(body)'}: want ${JSON.stringify(d.want)?.slice(0, 160)} got ${JSON.stringify(d.got)?.slice(0, 160)}`,
        )
    }
  })
  console.log(`${name}: ${good} of ${golden.filter((g) => g.do !== 'restart').length} alike`)
}
if (mode === 'check') {
  if (opt.json) writeFileSync(opt.json, JSON.stringify(verdicts, null, 1))
  console.log(
    `${alike} of ${steps} answers alike (${((100 * alike) / Math.max(1, steps)).toFixed(1)} %), ${statusAlike} with the same status, ${extras} extra members`,
  )
}
process.exit(failed ? 2 : mode === 'check' && alike !== steps ? 1 : 0)
