import { expect } from 'chai'
import { compileKeyFilter, pathOfKey } from '../../src/policy/key-filter.ts'
import { worked } from '../support/worked.ts'

describe('list_scan_response_keys_filter_path', () => {
  const filled = (text: string, folder = 'kv/metadata/', key = 'App'): string | undefined => {
    const filter = compileKeyFilter(text)
    expect(filter, text).not.to.equal(undefined)
    return filter && pathOfKey(filter, folder, key)
  }

  it('knows the functions of the recorded server, in front of a value and in a pipeline', () => {
    for (const [text, path] of [
      ['{{ .path }}{{ .key }}', 'kv/metadata/App'],
      ['{{ .path | replace "/metadata/" "/data/" }}{{ .key }}', 'kv/data/App'],
      ['{{ replace "/metadata/" "/data/" .path }}{{.key|lowercase}}', 'kv/data/app'],
      ['x/{{ .key | replace `A` "$&" | uppercase }}', 'x/$&PP'],
      ['x/{{ truncate 2 .key }}', 'x/Ap'],
      ['x/{{ .key | truncate_sha256 20 }}', 'x/App'],
      ['x/{{ .key | base64 }}', 'x/QXBw'],
      ['x/{{ .key | base64 | decode_base64 }}', 'x/App'],
      ['x/{{ .key | hex }}', 'x/417070'],
      ['x/{{ .key | sha256 | truncate 8 }}', 'x/e9dfd3b1'],
    ] as const)
      if (text.includes('sha256 | ')) expect(filled(text), text).to.match(/^x\/[0-9a-f]{8}$/)
      else expect(filled(text), text).to.equal(path)
    expect(filled('x/{{ .key | truncate_sha256 10 }}', 'x/', 'abcdefghijklm')).to.match(/^x\/ab[0-9a-f]{8}$/)
  })

  it('refuses what it does not know, and what has no key', () => {
    for (const text of [
      '{{ .path }}',
      'kv/fixed',
      '{{ .key',
      '{{ .key }} }}',
      '{{ .name }}',
      '{{ .key | trimSuffix "/" }}',
      '{{ .key | random }}',
      '{{ .key | replace }}',
      '{{ .key | replace "a" }}',
      '{{ replace "" "x" .key }}',
      '{{ .key | replace "" "x" }}',
      '{{ .key | }}',
      '{{ | lowercase }}',
      '{{ lowercase }}',
      '{{ .key .path }}',
      '{{ truncate 0 .key }}',
      '{{ truncate "2" .key }}',
      '{{ .key | constructor }}',
      '{{ if true }}{{ .key }}{{ end }}',
      '{{ }}{{ .key }}',
    ])
      // prettier-ignore
      expect(compileKeyFilter(text), text).to.equal(undefined)
  })

  it('gives no path that is longer than a request can have, however often something is replaced', () => {
    const grows = `{{ .key ${'| replace "a" "aaaaaaaaaa" '.repeat(200)}}}`
    const begun = worked()
    expect(filled(grows, 'x/', 'aaa')).to.equal(undefined)
    expect(worked() - begun).to.be.lessThan(100)
  })
})
