import { expect } from 'chai'
import { expectJson, expectText, writtenJson } from './expected.ts'
import type { Variables } from './expected.ts'

/** A request with its answer, as an `http` block has them: `METHOD /path`, headers, a body; a status, a body. */
interface Exchange {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly status: number
  readonly answer: string
}

const start = /^([A-Z]+) (\/\S*)\n/
const answered = /^(\d{3})(?:\n|$)/m

/** The exchanges of a block: each begins with a method, and its answer with a status. */
function exchangesOf(code: string): readonly Exchange[] {
  return code.split(/^(?=[A-Z]+ \/)/m).map((text) => {
    const [line = '', method = '', path = ''] = start.exec(text) ?? expect.fail(`no request: ${text}`)
    const [head = '', status, ...answer] = text.slice(line.length).split(answered)
    if (status === undefined) expect.fail(`${method} ${path} has no answer`)
    const named = [...head.matchAll(/^([\w-]+): (.*)\n/gm)]
    const body = named.reduce((rest, [whole]) => rest.replace(whole, ''), head).trim()
    const headers = Object.fromEntries(named.map(([, name = '', value = '']) => [name, value]))
    return { method, path, headers, body, status: Number(status), answer: answer.join('').trim() }
  })
}

const filled = (text: string, variables: Readonly<Variables>): string =>
  text.replaceAll(
    /\$([a-z_][a-z0-9_]*)/g,
    (_, name: string) => variables[name] ?? expect.fail(`$${name} is not defined`),
  )

/** Sends the requests of an `http` block, each with `$VAULT_TOKEN` unless it names a token, and holds the answers to what is written. */
export async function exchange(code: string, variables: Variables): Promise<void> {
  for (const { method, path, headers, body, status, answer } of exchangesOf(code)) {
    const address = `${variables['VAULT_ADDR']}${filled(path, variables)}`
    const token = headers['X-Vault-Token'] ?? variables['VAULT_TOKEN'] ?? ''
    const sent = Object.entries({ ...headers, ...(token !== '' && { 'X-Vault-Token': token }) })
    const response = await fetch(address, {
      method,
      headers: sent.map(([name, value]): [string, string] => [name, filled(value, variables)]),
      ...(body !== '' && { body: filled(body, variables) }),
    })
    const text = await response.text()
    const about = `${method} ${path}`
    expect(`${response.status} ${text}`, about).to.match(new RegExp(`^${status} `))
    if (/^[[{]/.test(answer)) expectJson(JSON.parse(text), writtenJson(answer), variables, about)
    else expectText(text.trim(), answer, variables, about)
  }
}
