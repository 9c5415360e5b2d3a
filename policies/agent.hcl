# An AI agent, or another program that acts on instructions it was sent: it reads the secrets that were put into its folder, and signs
# what it does with a key of its own. It writes nothing, and can pass nothing on: no tokens, no wrapping, no cubbyhole, whatever
# "default" gives.
path "secret/data/agents/{{identity.entity.id}}/*" {
  capabilities = ["read"]
}

path "secret/metadata/agents/{{identity.entity.id}}/" {
  capabilities = ["list"]
}

path "transit/sign/agent-{{identity.entity.id}}" {
  capabilities = ["update"]
}

# A deny counts whatever other policies give for the same path.
path "auth/token/create*" {
  capabilities = ["deny"]
}

path "sys/wrapping/wrap" {
  capabilities = ["deny"]
}

path "cubbyhole/*" {
  capabilities = ["deny"]
}
