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
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { check, commandLine, exitStatus, fill, freePort, pick, record, replaced } from './harness.mjs'
import { runCases, score, sleep, startServer, volatileText } from './harness.mjs'

const { mode, options } = commandLine(
  ['cases', 'golden', 'cli', 'server'],
  'usage: commands.mjs record|check --cases DIR --golden DIR --cli CMD --server CMD [--sealed-server CMD] [--only S] [--verbose] [--json FILE] [--jobs N]',
)

// ---- what may differ between two right answers: values, never layout -----------------------------------------------
// Each value is replaced by a word; then runs of spaces and dashes are folded, because column widths follow the values.
const soften = (text, extra = []) =>
  replaced(text, [
    ...extra.map((p) => [p, '<volatile>']),
    volatileText.uuid,
    [/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\dZ]*( ?[+-]\d\d:?\d\d)?( [A-Z]{3,4})?/g, '<time>'],
    [/\b1[789]\d{8}\b/g, '<unix time>'],
    volatileText.address,
    volatileText.token,
    volatileText.jwt,
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
  ])

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

// ---- one case -------------------------------------------------------------------------------------------------------
function split(line) {
  const words = []
  for (const m of line.matchAll(/(?:[^\s'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+/gs))
    words.push(
      m[0].replace(/'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/gs, (_, a, b, c) => a ?? b?.replace(/\\(.)/gs, '$1') ?? c),
    )
  return words
}
const cli = split(options.cli)
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

function environmentOf(step, saved) {
  const as = step.as ?? 'root'
  const token = saved[as] ?? `<unset ${as}>`
  return {
    PATH: process.env.PATH,
    HOME: saved.home,
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    VAULT_ADDR: saved.addr,
    BAO_ADDR: saved.addr,
    ...fill(step.env ?? {}, saved),
    ...(as !== 'none' && as !== 'file' && { VAULT_TOKEN: token, BAO_TOKEN: token }),
  }
}

/** The value that a pattern or a path finds in an output; undefined when it finds none. */
function found(out, how) {
  if (how instanceof RegExp) return how.exec(out)?.[1]
  try {
    return pick(JSON.parse(out), how)
  } catch {
    return undefined
  }
}

async function runStep(step, saved) {
  const { home, dir } = saved
  for (const [name, text] of Object.entries(step.files ?? {})) writeFileSync(join(home, name), fill(text, saved))
  const { code, out, err } = await runCli(split(fill(step.run, saved)), {
    cwd: home,
    env: environmentOf(step, saved),
    stdin: fill(step.stdin, saved),
  })
  for (const [name, how] of Object.entries(step.save ?? {})) saved[name] = found(out, how) ?? `<unset ${name}>`
  const text = (printed) => soften(printed.replaceAll(home, '<home>').replaceAll(dir, '<dir>'), step.volatile)
  const answer = { run: step.run, as: step.as ?? 'root', code }
  return step.loose ? answer : { ...answer, out: text(out), err: step.stderr ? text(err) : err.trim() !== '' }
}

async function run(steps, sealed) {
  const command = sealed ? options['sealed-server'] : options.server
  if (!command) throw new Error('this case needs --sealed-server')
  const port = await freePort()
  const dir = mkdtempSync(join(tmpdir(), 'parity-'))
  const home = mkdtempSync(join(tmpdir(), 'parity-home-'))
  const stop = await startServer(command, port, dir, sealed)
  const saved = { root: 'root', addr: `http://127.0.0.1:${port}`, home, dir }
  const answers = []
  try {
    for (const one of steps) {
      const step = typeof one === 'function' ? await one(saved) : one
      if (step.wait) await sleep(step.wait)
      answers.push(await runStep(step, saved))
    }
    return { answers }
  } finally {
    await stop()
    for (const folder of [dir, home]) rmSync(folder, { recursive: true, force: true })
  }
}

// ---- main -----------------------------------------------------------------------------------------------------------
const proseOf = (text) => (typeof text === 'string' ? prose(text) : text)
const shapeOf = (answers) =>
  answers.map((answer) => ({ ...answer, out: proseOf(answer.out), err: proseOf(answer.err) }))
let codes = 0

function judge(name, step, want, got = {}) {
  const diffs = ['code', 'out', 'err'].filter(
    (member) => want[member] !== undefined && !alikeText(want[member], got[member]),
  )
  if (!diffs.includes('code')) codes++
  if (diffs.length > 0 && (options.verbose || options.only)) {
    console.log(`${name} #${step} ${want.run} (as ${want.as})`)
    const short = (value) => JSON.stringify(value)?.slice(0, 600)
    for (const member of diffs) {
      console.log(`   ${member}: want ${short(want[member])}`)
      console.log(`   ${' '.repeat(member.length)}   got ${short(got[member])}`)
    }
  }
  return { case: name, step, run: want.run, ok: diffs.length === 0, diffs }
}

const results = await runCases(options, run)
if (mode === 'record') process.exit(record(options, results, shapeOf) ? 2 : 0)
const { verdicts, failed } = check(options, results, judge)
console.log(`${score(verdicts, 'command lines')}, ${codes} with the same exit status`)
process.exit(exitStatus(verdicts, failed))
