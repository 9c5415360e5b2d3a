/** The name of Vault's protocol. Audit lines are in its format, and do not repeat the name. */
export const vaultName = 'vault'
