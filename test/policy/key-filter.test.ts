import { expect } from 'chai'
import { compileKeyFilter, pathOfKey } from '../../src/policy/key-filter.ts'
import { worked } from '../support/processes/processor-time.ts'

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

  it("knows the functions of Go's templates", () => {
    for (const [text, path] of [
      ['{{ print .path .key }}', 'kv/metadata/App'],
      ['{{ print 1 2 .key 3 4 }}', '1 2App3 4'],
      ['{{ printf "%s%s" .path .key }}', 'kv/metadata/App'],
      ['{{ .key | printf "%s/%s" "kv" }}', 'kv/App'],
      [
        '{{ printf "%5s|%-5s|%.2s|%05d|%x|%X|%q|%t|%%|%v|%c" .key .key .key 42 .key 255 .key true .key 65 }}',
        '  App|App  |Ap|00042|417070|FF|"App"|true|%|App|A',
      ],
      ['x/{{ html "<a&b>" }}{{ .key }}', 'x/&lt;a&amp;b&gt;App'],
      ['x/{{ .key | print "a b/ü" | urlquery }}', 'x/a+b%2F%C3%BCApp'],
      ["x/{{ js `it's` }}{{ .key }}", "x/it\\'sApp"],
      ['x/{{ slice .key 1 }}', 'x/pp'],
      ['x/{{ slice .key 0 2 }}', 'x/Ap'],
      ['x/{{ len .key }}', 'x/3'],
      ['x/{{ index .key 0 }}', 'x/65'],
      ['x/{{ and (eq .key "App") "yes" }}', 'x/yes'],
      ['x/{{ or (eq .key "a" "b") .key }}', 'x/App'],
      [
        'x/{{ not (eq .key "a") }}{{ ne .key "a" }}{{ lt 1 2 }}{{ le .key "App" }}{{ gt 1 2 }}{{ ge .key "z" }}',
        'x/truetruetruetruefalsefalse',
      ],
      ['x/{{ (.key | lowercase) | print "-" }}', 'x/-app'],
      ['x/{{ or .key (index .key 9) }}', 'x/App'],
    ] as const)
      // prettier-ignore
      expect(filled(text), text).to.equal(path)
    // What Go fails at while it fills the template gives no path.
    for (const text of ['x/{{ slice .key 9 }}', 'x/{{ index .key 3 }}', 'x/{{ eq .key 1 }}', 'x/{{ lt true false }}{{ .key }}', 'x/{{ printf "%d" .key }}', 'x/{{ printf "%s" }}{{ .key }}', 'x/{{ printf "a" .key }}'])
      expect(filled(text), text).to.equal(undefined) // prettier-ignore
  })

  it('refuses unknown functions, and templates without a key', () => {
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
      '{{ call .key }}',
      '{{ 1 | print .key',
      '{{ (.key }}',
      '{{ .key ) }}',
      '{{ len 5 }}{{ .key }}',
      '{{ slice .key 0 1 2 }}',
      `{{ ${'('.repeat(30)}.key${')'.repeat(30)} }}`,
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
