#!/usr/bin/env node
// commands: runs the same command lines with a Vault-compatible command-line program and compares what it prints with recorded answers.
//
//   commands.mjs record --cases DIR --golden DIR --cli 'CMD' --server 'CMD' [--sealed-server 'CMD']
//   commands.mjs check  --cases DIR --golden DIR --cli 'CMD' --server 'CMD' [--sealed-server 'CMD']
//
// --cli is the program's command line up to its arguments ('bao', 'node dist/main.js'); --server as in requests.mjs ({port}, {dir}, root token `root`);
// --sealed-server as requests.mjs's --unauthed-server: the command line's rekey and generate-root use the forms without a token.
// Options: --only SUBSTRING, --verbose, --json FILE, --jobs N.
//
// A case is DIR/NAME.mjs, `export default [step, …]` (and `export const sealed = true` for an uninitialised server). A step, or a function of what was saved that returns one:
//   run: 'kv put secret/a x=1'      arguments, split as a shell would ('…', "…" and \ are understood); ${name} is replaced from what was saved (and addr, home, dir)
//   as: 'root'                      the token in VAULT_TOKEN: 'root', 'none' (unset), or a saved name; 'file': whatever login left in HOME
//   stdin, env                      text on standard input; further environment variables ({} by default; VAULT_ADDR is set)
//   files: { 'p.hcl': 'path …' }    written into the working folder first
//   save: { token: /token\s+(\S+)/ } or { token: 'auth.client_token' }   a pattern on stdout, or a path in stdout read as JSON
//   volatile: [/…/g]                further patterns in the output that are replaced before comparing
//   loose: true                     compare the exit status only
//   stderr: true                    compare stderr's text as well (by default only whether there is any)
// Exit status: 0 all steps alike, 1 some differ, 2 the run itself failed.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import http from 'node:http'
import net from 'node:net'

const [mode, ...rest] = process.argv.slice(2)
const opt = {}
for (let i = 0; i < rest.length; i++) {
  const key = rest[i].replace(/^--/, '')
  opt[key] = key === 'verbose' ? true : rest[++i]
}
if (!['record', 'check'].includes(mode) || !opt.cases || !opt.golden || !opt.cli || !opt.server) {
  console.error(
    'usage: commands.mjs record|check --cases DIR --golden DIR --cli CMD --server CMD [--sealed-server CMD] [--only S] [--verbose] [--json FILE] [--jobs N]',
  )
  process.exit(2)
}

// ---- what may differ between two right answers: values, never layout -----------------------------------------------
// Each value is replaced by a word; then runs of spaces and dashes are folded, because column widths follow the values.
const soften = (text, extra = []) =>
  [
    ...extra.map((p) => [p, '<volatile>']),
    [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<uuid>'],
    [/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\dZ]*( ?[+-]\d\d:?\d\d)?( [A-Z]{3,4})?/g, '<time>'],
    [/\b1[789]\d{8}\b/g, '<unix time>'],
    [/127\.0\.0\.1:\d+/g, '<addr>'],
    [/\b(hv[sbr]|s|b|r)\.[A-Za-z0-9_-]{20,}/g, '<token>'],
    [/\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+/g, '<token>'],
    [/\b(auth_)?[a-z]+_[0-9a-f]{8}\b/g, '<accessor>'],
    [/\bvault:v(\d+):[A-Za-z0-9+/=_-]+/g, '<vault:v$1>'],
    [/(accessor"?:?\s+"?)[A-Za-z0-9._-]{20,}/g, '$1<accessor>'],
    [/(?<![A-Za-z0-9+/>])[A-Za-z0-9+/]{40,}={0,2}/g, '<base64>'],
    [
      /\b(\d+h)?(\d+m)?\d+s\b|\b\d+m\b/g,
      (d) => (/^(\d+h)?(\d+m)?\d+s$/.test(d) && !/^\d+h0m0s$/.test(d) ? '<duration>' : d),
    ],
    [/vault-cluster-[0-9a-f]{8}/g, '<cluster>'],
    [/^((?:Version|Storage Type|Build Date)\s+)\S.*$/gm, '$1<value>'],
    [/("(?:version|storage_type|build_date|cluster_name)": )"[^"]*"/g, '$1"<value>"'],
    [/[ \t]+/g, ' '],
    [/-{2,}/g, '--'],
    [/ +$/gm, ''],
  ].reduce((t, [p, r]) => t.replace(p, r), text)

// Sentences are compared by their presence only (ours should be better); tables, JSON, values and short confirmations to the letter.
const plainWords = /(?:[A-Za-z'"(][A-Za-z'"(),;:.-]* ){6,}[A-Za-z]/
const prose = (text) =>
  text
    .split('\n')
    .map((l) =>
      plainWords.test(l) && !/^\s*[{}[\]"]/.test(l) && !(l.startsWith('Success!') && l.length < 70) ? '<prose>' : l,
    )
    .join('\n')
    .replace(/(<prose>\n?)+/g, '<prose>\n')
const alikeText = (a, b) => (typeof a === 'string' && typeof b === 'string' ? prose(a) === prose(b) : a === b)

// ---- one fresh server a case ----------------------------------------------------------------------------------------
const sleep = (ms) => new Promise((ok) => setTimeout(ok, ms))
const freePort = () =>
  new Promise((ok) => {
    const s = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = s.address()
      s.close(() => ok(port))
    })
  })
const health = (port) =>
  new Promise((ok) =>
    http
      .get({ host: '127.0.0.1', port, path: '/v1/sys/health' }, (r) => {
        r.resume()
        ok(r.statusCode)
      })
      .on('error', () => ok(0)),
  )
async function startServer(port, dir, sealed) {
  const command = sealed ? opt['sealed-server'] : opt.server
  if (!command) throw new Error('this case needs --sealed-server')
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
    const h = await health(port)
    if (h === 200 || (sealed && h > 0)) return stop
    if (i > 300 || child.exitCode !== null) {
      await stop()
      throw new Error(`server did not come up:\n${log.slice(-2000)}`)
    }
    await sleep(100)
  }
}
function split(line) {
  const words = []
  for (const m of line.matchAll(/(?:[^\s'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+/gs))
    words.push(
      m[0].replace(/'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/gs, (_, a, b, c) => a ?? b?.replace(/\\(.)/gs, '$1') ?? c),
    )
  return words
}
const fill = (v, vars) =>
  typeof v === 'string'
    ? v.replace(/\$\{(\w+)\}/g, (_, n) => vars[n] ?? `<unset ${n}>`)
    : v && typeof v === 'object' && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).map(([k, x]) => [k, fill(x, vars)]))
      : v

const cli = split(opt.cli)
function runCli(args, { cwd, env, stdin }) {
  return new Promise((ok) => {
    const child = spawn(cli[0], [...cli.slice(1).map((w) => (existsSync(w) ? resolve(w) : w)), ...args], {
      cwd,
      env,
      stdio: 'pipe',
    })
    let out = '',
      err = ''
    child.stdout.on('data', (d) => (out += d))
    child.stderr.on('data', (d) => (err += d))
    const timer = setTimeout(() => child.kill('SIGKILL'), 30000)
    child.on('close', (code) => {
      clearTimeout(timer)
      ok({ code, out, err })
    })
    child.on('error', (e) => {
      clearTimeout(timer)
      ok({ code: -1, out, err: e.message })
    })
    child.stdin.on('error', () => {})
    child.stdin.end(stdin ?? '')
  })
}
async function run(steps, sealed) {
  const port = await freePort()
  const dir = mkdtempSync(join(tmpdir(), 'parity-')),
    home = mkdtempSync(join(tmpdir(), 'parity-home-'))
  const stop = await startServer(port, dir, sealed)
  const vars = { root: 'root', addr: `http://127.0.0.1:${port}`, home, dir }
  const answers = []
  try {
    for (const s of steps) {
      const step = typeof s === 'function' ? await s(vars) : s
      if (step.wait) await sleep(step.wait)
      for (const [name, text] of Object.entries(step.files ?? {})) writeFileSync(join(home, name), fill(text, vars))
      const env = {
        PATH: process.env.PATH,
        HOME: home,
        LANG: 'C.UTF-8',
        TZ: 'UTC',
        VAULT_ADDR: vars.addr,
        BAO_ADDR: vars.addr,
        ...fill(step.env ?? {}, vars),
      }
      const as = step.as ?? 'root'
      if (as !== 'none' && as !== 'file') env.VAULT_TOKEN = env.BAO_TOKEN = vars[as] ?? `<unset ${as}>`
      const { code, out, err } = await runCli(split(fill(step.run, vars)), {
        cwd: home,
        env,
        stdin: fill(step.stdin, vars),
      })
      for (const [name, how] of Object.entries(step.save ?? {})) {
        try {
          vars[name] =
            how instanceof RegExp ? how.exec(out)?.[1] : how.split('.').reduce((x, k) => x?.[k], JSON.parse(out))
        } catch {}
        vars[name] ??= `<unset ${name}>`
      }
      const text = (t) => soften(t.replaceAll(home, '<home>').replaceAll(dir, '<dir>'), step.volatile)
      answers.push({
        run: step.run,
        as,
        code,
        ...(!step.loose && { out: text(out), err: step.stderr ? text(err) : err.trim() !== '' }),
      })
    }
    return answers
  } finally {
    await stop()
    for (const d of [dir, home]) rmSync(d, { recursive: true, force: true })
  }
}

// ---- main -----------------------------------------------------------------------------------------------------------
const names = readdirSync(opt.cases)
  .filter((f) => f.endsWith('.mjs') && (!opt.only || f.includes(opt.only)))
  .sort()
if (names.length === 0) {
  console.error(`no cases in ${opt.cases}`)
  process.exit(2)
}
if (mode === 'record') mkdirSync(opt.golden, { recursive: true })
const results = new Map(),
  queue = [...names],
  verdicts = []
let failed = false,
  steps = 0,
  alike = 0,
  codes = 0
await Promise.all(
  Array.from({ length: Number(opt.jobs ?? 1) }, async () => {
    for (let f; (f = queue.shift());) {
      const { default: plan, sealed } = await import(pathToFileURL(resolve(opt.cases, f)))
      try {
        results.set(f, { answers: await run(plan, sealed) })
      } catch (e) {
        results.set(f, { answers: [], error: e.message })
        console.log(`${f}: ${e.message}`)
        failed = true
      }
    }
  }),
)
for (const f of names) {
  const name = basename(f, '.mjs'),
    at = join(opt.golden, `${name}.json`),
    { answers, error } = results.get(f)
  if (mode === 'record') {
    if (!error) {
      writeFileSync(
        at,
        JSON.stringify(
          answers.map((a) => ({
            ...a,
            ...(typeof a.out === 'string' && { out: prose(a.out) }),
            ...(typeof a.err === 'string' && { err: prose(a.err) }),
          })),
          null,
          1,
        ) + '\n',
      )
      console.log(`${name}: ${answers.length} answers`)
    }
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
    const got = answers[i] ?? {}
    const diffs = ['code', 'out', 'err'].filter((k) => want[k] !== undefined && !alikeText(want[k], got[k]))
    steps++
    if (!diffs.includes('code')) codes++
    if (diffs.length === 0) {
      good++
      alike++
    }
    verdicts.push({ case: name, step: i + 1, run: want.run, ok: diffs.length === 0, diffs })
    if (diffs.length && (opt.verbose || opt.only)) {
      console.log(`${name} #${i + 1} ${want.run} (as ${want.as})`)
      for (const k of diffs)
        console.log(
          `   ${k}: want ${JSON.stringify(want[k])?.slice(0, 600)}\n   ${' '.repeat(k.length)}   got ${JSON.stringify(got[k])?.slice(0, 600)}`,
        )
    }
  })
  console.log(`${name}: ${good} of ${golden.length} alike`)
}
if (mode === 'check') {
  if (opt.json) writeFileSync(opt.json, JSON.stringify(verdicts, null, 1))
  console.log(
    `${alike} of ${steps} command lines alike (${((100 * alike) / Math.max(1, steps)).toFixed(1)} %), ${codes} with the same exit status`,
  )
}
process.exit(failed ? 2 : mode === 'check' && alike !== steps ? 1 : 0)
