const values: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map((text) => [text, false] as const),
])

/** A boolean as Go's `strconv.ParseBool` reads it, which Vault's API and command line do; undefined for any other string. */
export function parseGoBool(text: string): boolean | undefined {
  return values.get(text)
}
