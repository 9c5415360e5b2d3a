# Keeps the server running: seals it, rotates its keys, sees its mounts. Reads no secret, uses no key, writes no policy.
path "sys/seal" {
  capabilities = ["update", "sudo"]
}

path "sys/step-down" {
  capabilities = ["update", "sudo"]
}

path "sys/key-status" {
  capabilities = ["read"]
}

path "sys/rotate" {
  capabilities = ["update", "sudo"]
}

path "sys/rotate/*" {
  capabilities = ["read", "update", "delete", "sudo"]
}

# A root token, for what no policy here allows; it takes a threshold of key shares as well.
path "sys/generate-root-token/*" {
  capabilities = ["read", "update", "delete"]
}

path "sys/mounts" {
  capabilities = ["read"]
}

path "sys/auth" {
  capabilities = ["read"]
}

path "sys/audit" {
  capabilities = ["read", "sudo"]
}

path "sys/metrics" {
  capabilities = ["read"]
}

path "sys/ha-status" {
  capabilities = ["read"]
}

path "sys/host-info" {
  capabilities = ["read"]
}

path "sys/in-flight-req" {
  capabilities = ["read"]
}

path "sys/internal/counters/*" {
  capabilities = ["read"]
}

path "sys/version-history" {
  capabilities = ["list"]
}

path "sys/storage/raft/snapshot-auto/config" {
  capabilities = ["list", "sudo"]
}

# The snapshots that the server makes by itself. What they hold is encrypted; this restores none.
path "sys/storage/raft/snapshot-auto/config/*" {
  capabilities = ["read", "update", "delete", "sudo"]
}

path "sys/storage/raft/snapshot-auto/status/*" {
  capabilities = ["read"]
}

path "sys/config/state/sanitized" {
  capabilities = ["read"]
}

path "sys/loggers" {
  capabilities = ["read", "update", "delete"]
}

path "sys/loggers/*" {
  capabilities = ["read", "update", "delete"]
}
