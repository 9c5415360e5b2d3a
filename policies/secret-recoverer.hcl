# Recovers secrets of secret/ from a snapshot (docs/snapshots.md), one by one, to their own paths. Reads none of them, and replaces
# none: that takes "update" on both paths, and "delete" on the metadata, as well.
path "sys/storage/raft/snapshot-recover" {
  capabilities = ["update", "sudo"]
}

path "secret/data/*" {
  capabilities = ["create"]
}

path "secret/metadata/*" {
  capabilities = ["create"]
}
