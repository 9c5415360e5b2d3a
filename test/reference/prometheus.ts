/** One value of Prometheus' text format. */
export interface PrometheusSample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** All values of one name, with its type. */
export interface PrometheusFamily {
  readonly type: string
  readonly help: string
  readonly samples: PrometheusSample[]
}

const labelPattern = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)/y

function labelsOf(text: string): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {}
  labelPattern.lastIndex = 0
  for (let at = 0; at < text.length; at = labelPattern.lastIndex) {
    labelPattern.lastIndex = at
    const found = labelPattern.exec(text)
    if (!found) throw new Error(`not labels: ${text}`)
    const [, name = '', value = ''] = found
    if (Object.hasOwn(labels, name)) throw new Error(`${name} twice: ${text}`)
    labels[name] = value
  }
  return labels
}

const suffixes: Readonly<Record<string, readonly string[]>> = {
  gauge: [''],
  counter: [''],
  histogram: ['_bucket', '_sum', '_count'],
  summary: ['', '_sum', '_count'],
}

const headPattern = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (\S.*)$/
const valuePattern = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/

/** The lines of one name: its head, then its values. */
class Reader {
  readonly families = new Map<string, PrometheusFamily>()
  readonly #seen = new Set<string>()
  #help = ['', '']
  #name = ''

  head([, kind, name = '', text = '']: RegExpExecArray): void {
    if (kind === 'HELP') {
      this.#help = [name, text]
      return
    }
    if (this.#help[0] !== name || this.families.has(name) || !Object.hasOwn(suffixes, text))
      throw new Error(`out of order: ${kind} ${name} ${text}`)
    this.#name = name
    this.families.set(name, { type: text, help: this.#help[1] ?? '', samples: [] })
  }

  value(line: string): void {
    const [, name = '', labels = '', value = ''] = valuePattern.exec(line) ?? []
    const family = this.families.get(this.#name)
    const isOurs = suffixes[family?.type ?? '']?.some((suffix) => name === `${this.#name}${suffix}`)
    if (!family || !isOurs) throw new Error(`no value here: ${line}`)
    const key = `${name}{${labels}}`
    if (this.#seen.has(key)) throw new Error(`twice: ${line}`)
    this.#seen.add(key)
    family.samples.push({ name, labels: labelsOf(labels), value: Number(value) })
  }
}

/**
 * Reads Prometheus' text format 0.0.4 strictly: every name once, HELP and TYPE before its values, no value twice, and
 * histograms whose buckets add up. @throws Error for anything else.
 */
export function parsePrometheus(text: string): ReadonlyMap<string, PrometheusFamily> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end')
  const reader = new Reader()
  for (const line of text.slice(0, -1).split('\n')) {
    const head = headPattern.exec(line)
    if (head) reader.head(head)
    else reader.value(line)
  }
  for (const [name, family] of reader.families) if (family.type === 'histogram') checkHistogram(name, family)
  return reader.families
}

function checkHistogram(name: string, { samples }: PrometheusFamily): void {
  const series = new Map<string, { buckets: (readonly [number, number])[]; count: number }>()
  for (const { name: full, labels, value } of samples) {
    const { le, ...rest } = labels
    const key = JSON.stringify(rest)
    const one = series.get(key) ?? { buckets: [], count: NaN }
    series.set(key, one)
    if (full === `${name}_bucket`) one.buckets.push([le === '+Inf' ? Infinity : Number(le), value])
    if (full === `${name}_count`) one.count = value
  }
  for (const [key, { buckets, count }] of series) {
    const isRising = buckets.every(([bound, value], at) => at === 0 || (bound > (buckets[at - 1]?.[0] ?? NaN) && value >= (buckets[at - 1]?.[1] ?? NaN)))
    const [last, value] = buckets.at(-1) ?? []
    if (!isRising || last !== Infinity || value !== count) throw new Error(`the histogram ${name} ${key} does not add up`)
  }
} // prettier-ignore
