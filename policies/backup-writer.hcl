# A host that makes backups (docs/backups.md): it gets new data keys of one key, and moves old ones to a newer version unseen.
# It cannot unwrap any: whoever takes the host over opens none of its backups.
path "transit/datakey/plaintext/backups" {
  capabilities = ["update"]
}

path "transit/rewrap/backups" {
  capabilities = ["update"]
}
