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
import { mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { check, commandLine, exitStatus, fill, freePort, pick, record, replaced } from './harness.mjs'
import { runCases, score, sleep, startServer, volatileText } from './harness.mjs'

const { mode, options } = commandLine(
  ['cases', 'golden', 'server'],
  'usage: requests.mjs record|check --cases DIR --golden DIR --server CMD [--only S] [--verbose] [--json FILE]',
)

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
const soften = (text) =>
  replaced(text, [
    volatileText.uuid,
    [/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\dZ+:-]*/g, '<time>'],
    volatileText.address,
    volatileText.token,
    volatileText.jwt,
    [/\b[a-z]+_[0-9a-f]{8}\b/g, '<accessor>'],
  ])

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
function isVolatile(key, path, value) {
  if (!volatileKeys.has(key) || typeof value === 'boolean' || keepValueWhenEmpty(value)) return false
  if (typeof value === 'object' && value !== null) return false
  return !(key === 'version' && (typeof value === 'number' || path.endsWith('options.version')))
}
const isUnixTime = (key, value) =>
  typeof value === 'number' && value > 1.7e9 && value < 2.2e9 && !/num|count|max|limit|version|ttl/.test(key)
function normalise(v, extra, path = '') {
  const key = path.split('.').pop()
  if (extra.some((p) => match(p, path)) || isVolatile(key, path, v)) return kind(v)
  if (Array.isArray(v)) return v.map((x, i) => normalise(x, extra, path ? `${path}.${i}` : String(i)))
  if (v && typeof v === 'object')
    return Object.fromEntries(
      Object.keys(v)
        .sort()
        .map((k) => [k, normalise(v[k], extra, path ? `${path}.${k}` : k)]),
    )
  if (isUnixTime(key, v)) return '<unix time>'
  if (typeof v !== 'string') return v
  return /(^|\.)(errors|warnings)\.\d+$|\.error$/.test(path) ? sentence(soften(v)) : soften(v)
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

// ---- one case ----------------------------------------------------------------------------------------------------
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
// A number that a JavaScript number would write differently (2^53+1, 1e3, 1.0) is kept as the text that the server wrote.
const parse = (text) =>
  JSON.parse(
    text.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (t) =>
      t[0] === '"' || String(Number(t)) === t ? t : `"<number:${t}>"`,
    ),
  )
function readBody(text) {
  try {
    return text === '' ? null : parse(text)
  } catch {
    return { '<text>': text.slice(0, 400) }
  }
}

/** The method, path, headers and body of a step. */
function messageOf(step, saved) {
  const [method, ...path] = fill(step.do, saved).split(' ')
  const filled = fill(step.body, saved)
  const body = filled === undefined || typeof filled === 'string' ? filled : JSON.stringify(filled)
  const headers = { ...fill(step.headers ?? {}, saved) }
  const as = step.as ?? 'root'
  if (as !== 'none') headers['X-Vault-Token'] = saved[as] ?? `<unset ${as}>`
  if (body !== undefined) {
    headers['Content-Length'] = Buffer.byteLength(body)
    headers['Content-Type'] ??= 'application/json'
  }
  return { method, path: path.join(' '), headers, body }
}

async function derivedFrom(step, json, saved) {
  if (!step.derive) return undefined
  try {
    return JSON.parse(JSON.stringify((await step.derive(json, saved)) ?? null))
  } catch (thrown) {
    return `threw ${thrown.message}`
  }
}

function headersShown(step, headers) {
  const value = (name) => headers[name.toLowerCase()]
  const shown = (name) => [name, value(name) === undefined ? null : soften(String(value(name)))]
  return step.show && Object.fromEntries(step.show.map(shown))
}

async function runStep(port, step, computed, saved) {
  const { method, path, headers, body } = messageOf(step, saved)
  const failure = (thrown) => ({ status: 0, headers: {}, text: String(thrown.message) })
  const answer = await send(port, method, path, headers, body).catch(failure)
  const json = readBody(answer.text)
  for (const [name, place] of Object.entries(step.save ?? {})) saved[name] = pick(json, place) ?? `<unset ${name}>`
  const derived = await derivedFrom(step, json, saved)
  return {
    do: computed ? step.do.replace(/[A-Za-z0-9._-]{20,}/g, '…') : step.do,
    as: step.as ?? 'root',
    status: answer.status,
    body: step.loose ? undefined : normalise(json, step.volatile ?? []),
    derived,
    headers: headersShown(step, answer.headers),
  }
}

async function run(steps, sealed) {
  const command = options[serverOption(sealed)]
  if (!command) return { answers: [], skipped: true }
  const port = await freePort()
  const dir = mkdtempSync(join(tmpdir(), 'parity-'))
  let stop = await startServer(command, port, dir, sealed)
  const saved = { root: 'root', dir, addr: `http://127.0.0.1:${port}` }
  const answers = []
  try {
    for (const one of steps) {
      const computed = typeof one === 'function'
      const step = computed ? await one(saved) : one
      if (step.wait) await sleep(step.wait)
      if (step.restart) {
        await stop()
        stop = await startServer(command, port, dir, sealed)
        answers.push({ do: 'restart', status: 0 })
      } else answers.push(await runStep(port, step, computed, saved))
    }
    return { answers }
  } finally {
    await stop()
    rmSync(dir, { recursive: true, force: true })
  }
}

// ---- main ---------------------------------------------------------------------------------------------------------
let [statusAlike, extras] = [0, 0]

function judge(name, step, want, got = { status: 0 }) {
  if (want.do === 'restart') return undefined
  const diffs = []
  if (want.status !== got.status) diffs.push({ path: 'status', what: 'differs', want: want.status, got: got.status })
  else statusAlike++
  if (want.body !== undefined) compare(normalise(want.body, []), got.body ?? null, '', diffs)
  for (const member of ['derived', 'headers'])
    if (want[member] !== undefined && !isDeepStrictEqual(want[member], got[member] ?? null))
      diffs.push({ path: member, what: 'differs', want: want[member], got: got[member] })
  const bad = diffs.filter((diff) => diff.what !== 'extra' || options.strict)
  extras += diffs.length - bad.length
  if (bad.length > 0 && (options.verbose || options.only)) {
    console.log(`${name} #${step} ${want.do} as ${want.as}`)
    const short = (value) => JSON.stringify(value)?.slice(0, 160)
    for (const diff of bad.slice(0, 12))
      console.log(`   ${diff.what} ${diff.path || '(body)'}: want ${short(diff.want)} got ${short(diff.got)}`)
  }
  return { case: name, step, do: want.do, as: want.as, ok: bad.length === 0, diffs }
}

const results = await runCases(options, run)
if (mode === 'record') process.exit(record(options, results) ? 2 : 0)
const { verdicts, failed } = check(options, results, judge)
console.log(`${score(verdicts, 'answers')}, ${statusAlike} with the same status, ${extras} extra members`)
process.exit(exitStatus(verdicts, failed))
