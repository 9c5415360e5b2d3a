# Sets up engines, policies and tokens. Has no right to use keys or to read anybody's secrets, and cannot touch the audit log;
# whoever may write policies can give themselves more: the audit log shows it.
path "sys/mounts" {
  capabilities = ["read"]
}

path "sys/mounts/*" {
  capabilities = ["create", "read", "update", "delete", "sudo"]
}

path "sys/remount" {
  capabilities = ["update", "sudo"]
}

path "sys/auth" {
  capabilities = ["read"]
}

path "sys/auth/*" {
  capabilities = ["create", "read", "update", "delete", "sudo"]
}

path "sys/policies/acl" {
  capabilities = ["list"]
}

path "sys/policies/acl/*" {
  capabilities = ["create", "read", "update", "delete", "list", "patch"]
}

# Why somebody may do something, or may not.
path "sys/policies/explain" {
  capabilities = ["update"]
}

path "auth/token/create" {
  capabilities = ["create", "update"]
}

path "auth/token/create/*" {
  capabilities = ["create", "update"]
}

path "auth/token/roles" {
  capabilities = ["list"]
}

path "auth/token/roles/*" {
  capabilities = ["create", "read", "update", "delete"]
}

path "auth/token/lookup-accessor" {
  capabilities = ["update"]
}

path "auth/token/revoke-accessor" {
  capabilities = ["update"]
}

# Who got tokens, and taking them back after an incident.
path "sys/leases/lookup" {
  capabilities = ["update", "list", "sudo"]
}

path "sys/leases/lookup/*" {
  capabilities = ["list", "sudo"]
}

path "sys/leases/revoke" {
  capabilities = ["update"]
}

path "sys/leases/revoke-prefix/*" {
  capabilities = ["update", "sudo"]
}

path "sys/quotas/*" {
  capabilities = ["create", "read", "update", "delete", "list"]
}

path "sys/config/cors" {
  capabilities = ["read", "update", "delete", "sudo"]
}

path "transit/keys" {
  capabilities = ["list"]
}

path "transit/keys/*" {
  capabilities = ["create", "read", "update", "delete"]
}
