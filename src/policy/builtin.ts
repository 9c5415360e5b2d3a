/** The built-in policies of every server. `root` allows everything because of its name, not its source. */
export const builtinPolicies: Readonly<Record<'root' | 'default' | 'response-wrapping', string>> = {
  root: '',
  default: `# What every token may do: look after itself. Attached to every token unless it asks for no_default_policy.

# Its own token: see it, keep it alive, give it up.
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }

# What it may do, asked before trying.
path "sys/capabilities-self" { capabilities = ["update"] }
path "sys/internal/ui/resultant-acl" { capabilities = ["read"] }
path "sys/policies/explain-self" { capabilities = ["update"] }

# Its own entity.
path "identity/entity/id/{{identity.entity.id}}" { capabilities = ["read"] }
path "identity/entity/name/{{identity.entity.name}}" { capabilities = ["read"] }

# Leases that it holds.
path "sys/leases/lookup" { capabilities = ["update"] }
path "sys/leases/renew" { capabilities = ["update"] }

# A drawer of its own, which ends with the token.
path "cubbyhole/*" { capabilities = ["create", "read", "update", "delete", "list"] }

# Wrapped answers.
path "sys/wrapping/wrap" { capabilities = ["update"] }
path "sys/wrapping/lookup" { capabilities = ["update"] }
path "sys/wrapping/unwrap" { capabilities = ["update"] }

# Hashes of what it already knows.
path "sys/tools/hash" { capabilities = ["update"] }
path "sys/tools/hash/*" { capabilities = ["update"] }

# Logging in elsewhere with this server's word.
path "identity/oidc/provider/+/authorize" { capabilities = ["read", "update"] }
`,
  'response-wrapping': `# The tokens that carry wrapped answers.
path "cubbyhole/response" { capabilities = ["create", "read"] }
path "sys/wrapping/unwrap" { capabilities = ["update"] }
`,
}
