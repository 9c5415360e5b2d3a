/** The identity of this server. `version` is the API level that clients gate features on (they expect a Vault-like semver). */
export const product = {
  name: 'strongroom',
  release: '0.1.0',
  version: '2.6.2',
  buildDate: '2026-11-24',
} as const
