# strongroom, production. Every setting that matters, with what it does; anything misspelt is refused with its line.

# Where the (encrypted) data lies. The folder is made at "operator init", readable by the server's user only.
storage "level" {
  path = "/var/lib/strongroom/data"
  # Nothing is written while the disk has less room than this.
  min_free_bytes = 67108864
}

listener "tcp" {
  address       = "0.0.0.0:8200"
  tls_cert_file = "/etc/strongroom/tls/server.crt" # read again on SIGHUP
  tls_key_file  = "/etc/strongroom/tls/server.key"
  tls_min_version = "tls12"

  # Anybody who reaches the port could start or cancel these; leave them off and use sys/rotate/root/* and
  # sys/generate-root-token/* with a token instead (policies/operator.hcl). If every token is lost, set the second to
  # false and restart: key shares alone make a root token then (docs/operations.md).
  disable_unauthed_rekey_endpoints         = true
  disable_unauthed_generate_root_endpoints = true
}

# The address that clients use.
api_addr = "https://strongroom.example:8200"

# Audit devices stand here, so that nobody with a token can add or remove one.
audit "file" "file" {
  description = "what an auditor reads"
  options {
    file_path = "/var/log/strongroom/audit.log"
    mode      = "0600"
  }
}

# The longest life of tokens.
max_lease_ttl     = "768h"
default_lease_ttl = "768h"

log_format = "json"
