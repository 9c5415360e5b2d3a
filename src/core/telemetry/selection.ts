/** Which metrics are shown, and under which names. */
export interface MetricsSelection {
  /** In place of `vault`. */
  readonly prefix?: string
  /** The longest prefix of a name decides. */
  readonly rules?: readonly { readonly prefix: string; readonly shown: boolean }[]
  /** What no rule names. Default true. */
  readonly shown?: boolean
}

/** Applies a selection to metrics. Rules are about the names that are shown. */
export function selected<T extends { readonly name: string }>(
  metrics: readonly T[],
  { prefix = 'vault', rules = [], shown = true }: MetricsSelection,
): T[] {
  const longestFirst = [...rules].sort((a, b) => b.prefix.length - a.prefix.length)
  return metrics
    .map((metric) => ({ ...metric, name: metric.name.replace(/^vault(?=\.)/, prefix) }))
    .filter(({ name }) => longestFirst.find((rule) => name.startsWith(rule.prefix))?.shown ?? shown)
}
