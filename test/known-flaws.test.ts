import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { leaveOut } from './support/leave-out.ts'

/** Every known flaw of others has a test that names it, or a reason why there is none. */
describe('known flaws', () => {
  const rows = readFileSync('test/known-flaws.txt', 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#  ') && !line.startsWith('# '))
    .map((line) => {
      const at = line.indexOf(': ')
      return { id: line.slice(0, at), fate: line.slice(at + 2) }
    })
  const titles = readdirSync('test', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .flatMap((file) => readFileSync(join('test', file), 'utf8').match(/\b(?:it|describe)\(\s*['`][^\n]*/g) ?? [])

  it('each has a fate', () => {
    expect(rows.length).to.be.greaterThan(100)
    for (const { id, fate } of rows) expect(fate, id).to.match(/^(covered|later, \S.*|not here, \S.*)$/)
    expect(new Set(rows.map(({ id }) => id)).size).to.equal(rows.length)
  })

  it('each that is covered is named by a test', () => {
    const covered = rows.filter(({ fate }) => fate === 'covered').map(({ id }) => id)
    expect(covered.filter((id) => !titles.some((title) => title.includes(id)))).to.deep.equal([])
  })

  it('none of the list that lies beside a development tree is forgotten', function () {
    const list = '../shared/reference/security.md'
    if (!existsSync(list)) leaveOut(this, `no ${list}`)
    const known = new Set(rows.map(({ id }) => id))
    const table = readFileSync(list, 'utf8').split('\n## 2')[0] ?? ''
    for (const line of table.split('\n').filter((each) => each.startsWith('| ') && /CVE-\d{4}-\d/.test(each))) {
      const ids = (line.split('|')[1] ?? '').match(/CVE-\d{4}-\d+|GHSA-[\w-]+/g) ?? []
      if (ids.length > 0)
        expect(
          ids.some((id) => known.has(id)),
          line.slice(0, 80),
        ).to.equal(true)
    }
  })
})
