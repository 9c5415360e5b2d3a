// harness: what the two runners share. Their options, one fresh server a case, values that are filled in, and the loop over all cases.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { basename, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

/** The mode and the options of a command line; `needed` names those without which the usage is printed and nothing runs. */
export function commandLine(needed, usage) {
  const [mode, ...rest] = process.argv.slice(2)
  const options = {}
  for (let i = 0; i < rest.length; i++) {
    const name = rest[i].replace(/^--/, '')
    options[name] = ['verbose', 'strict'].includes(name) ? true : rest[++i]
  }
  if (!['record', 'check'].includes(mode) || needed.some((name) => !options[name])) {
    console.error(usage)
    process.exit(2)
  }
  return { mode, options }
}

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms))

export const freePort = () =>
  new Promise((found) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => found(port))
    })
  })

const health = (port) =>
  new Promise((found) =>
    http
      .get({ host: '127.0.0.1', port, path: '/v1/sys/health' }, (response) => {
        response.resume()
        found(response.statusCode)
      })
      .on('error', () => found(0)),
  )

/** Starts a server and waits until it answers. @returns a function that kills it */
export async function startServer(command, port, dir, sealed) {
  const child = spawn('/bin/sh', ['-c', `exec ${command.replaceAll('{port}', port).replaceAll('{dir}', dir)}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, HOME: dir },
    detached: true,
  })
  let log = ''
  child.stdout.on('data', (part) => (log += part))
  child.stderr.on('data', (part) => (log += part))
  const exited = new Promise((done) => child.on('exit', done))
  const stop = async () => {
    try {
      process.kill(-child.pid, 'SIGKILL')
    } catch {}
    await exited
  }
  for (let tries = 0; ; tries++) {
    const status = await health(port)
    if (status === 200 || (sealed && status > 0)) return stop
    if (tries > 300 || child.exitCode !== null) {
      await stop()
      throw new Error(`server did not come up:\n${log.slice(-2000)}`)
    }
    await sleep(100)
  }
}

/** Replaces `${name}` in every string of a value by what was saved. */
export function fill(value, saved) {
  if (typeof value === 'string') return value.replace(/\$\{(\w+)\}/g, (_, name) => saved[name] ?? `<unset ${name}>`)
  if (Array.isArray(value)) return value.map((member) => fill(member, saved))
  if (!value || typeof value !== 'object' || value instanceof RegExp) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [fill(name, saved), fill(member, saved)]))
}

/** The member of a value at a path of names with dots between them. */
export const pick = (value, path) => path.split('.').reduce((member, name) => member?.[name], value)

/** Values that differ between two right answers, and the words that stand for them. */
export const volatileText = {
  uuid: [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<uuid>'],
  address: [/127\.0\.0\.1:\d+/g, '<addr>'],
  token: [/\b(hv[sbr]|s|b|r)\.[A-Za-z0-9_-]{20,}/g, '<token>'],
  jwt: [/\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+/g, '<token>'],
}

export const replaced = (text, rows) => rows.reduce((left, [pattern, word]) => left.replace(pattern, word), text)

/** Runs every case, `--jobs` at once. @returns the names of the files, and the result of each: `run(plan, sealed)` or `{ answers: [], error }` */
export async function runCases(options, run) {
  const names = readdirSync(options.cases)
    .filter((file) => file.endsWith('.mjs') && (!options.only || file.includes(options.only)))
    .sort()
  if (names.length === 0) {
    console.error(`no cases in ${options.cases}`)
    process.exit(2)
  }
  const results = new Map()
  const queue = [...names]
  const worker = async () => {
    for (let file; (file = queue.shift());) {
      const { default: plan, sealed } = await import(pathToFileURL(resolve(options.cases, file)))
      const result = await run(plan, sealed).catch((thrown) => ({ answers: [], error: thrown.message }))
      results.set(file, result)
      if (result.error) console.log(`${file}: ${result.error}`)
    }
  }
  await Promise.all(Array.from({ length: Number(options.jobs ?? 1) }, worker))
  return names.map((file) => ({ name: basename(file, '.mjs'), ...results.get(file) }))
}

/** Writes the answers of each case as its recording. @returns whether a case failed */
export function record(options, results, shape = (answers) => answers) {
  mkdirSync(options.golden, { recursive: true })
  for (const { name, answers, error, skipped } of results) {
    if (error || skipped) continue
    writeFileSync(join(options.golden, `${name}.json`), JSON.stringify(shape(answers), null, 1) + '\n')
    console.log(`${name}: ${answers.length} answers`)
  }
  return results.some(({ error }) => error)
}

/**
 * Compares the answers of each case with its recording, and writes the verdicts to `--json FILE`.
 * @param judge - `(name, step, recorded, answer)` gives `{ ok, … }`: the verdict on one step, or undefined for one that is not judged
 * @returns the verdicts, and whether a case failed or has no recording
 */
export function check(options, results, judge) {
  const verdicts = []
  let failed = false
  for (const { name, answers, error, skipped } of results) {
    if (skipped) {
      console.log(`${name}: skipped, needs a server that was not given`)
      continue
    }
    const path = join(options.golden, `${name}.json`)
    if (error || !existsSync(path)) failed = true
    if (!existsSync(path)) {
      console.log(`${name}: no golden file`)
      continue
    }
    const recorded = JSON.parse(readFileSync(path, 'utf8'))
    const judged = recorded.map((want, at) => judge(name, at + 1, want, answers[at])).filter(Boolean)
    verdicts.push(...judged)
    console.log(`${name}: ${judged.filter(({ ok }) => ok).length} of ${judged.length} alike`)
  }
  if (options.json) writeFileSync(options.json, JSON.stringify(verdicts, null, 1))
  return { verdicts, failed }
}

/** One line with the score of all verdicts. */
export function score(verdicts, of) {
  const alike = verdicts.filter(({ ok }) => ok).length
  return `${alike} of ${verdicts.length} ${of} alike (${((100 * alike) / Math.max(1, verdicts.length)).toFixed(1)} %)`
}

/** Exit status: 0 all steps alike, 1 some differ, 2 the run itself failed. */
export const exitStatus = (verdicts, failed) => (failed ? 2 : verdicts.every(({ ok }) => ok) ? 0 : 1)
