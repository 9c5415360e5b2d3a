const values: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((name) => [name, true] as const),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map((name) => [name, false] as const),
])

/** A boolean in the syntax of Go's `strconv.ParseBool`, as in Vault's API and command line; undefined for any other string. */
export function parseGoBool(input: string): boolean | undefined {
  return values.get(input)
}
