# Somebody who checks: sees policies, devices and the hashes of texts, but no secret, and changes nothing.
path "sys/audit" {
  capabilities = ["read", "sudo"]
}

# Signed checkpoints, proofs and lines of the log; lines hold hashes of texts, unless the device is raw.
path "sys/audit/checkpoint" {
  capabilities = ["read"]
}

path "sys/audit/proof" {
  capabilities = ["read"]
}

path "sys/audit/consistency" {
  capabilities = ["read"]
}

path "sys/audit/entries" {
  capabilities = ["read"]
}

path "sys/audit-hash/*" {
  capabilities = ["update"]
}

path "sys/policies/acl" {
  capabilities = ["list"]
}

path "sys/policies/acl/*" {
  capabilities = ["read", "list"]
}

path "sys/mounts" {
  capabilities = ["read"]
}

path "sys/key-status" {
  capabilities = ["read"]
}

path "transit/keys" {
  capabilities = ["list"]
}

path "transit/keys/+" {
  capabilities = ["read"]
}

# Why somebody may do something, or may not.
path "sys/policies/explain" {
  capabilities = ["update"]
}
