# Somebody who restores backups (docs/backups.md): opens and verifies those of one key. Makes none, and cannot touch the key.
path "transit/decrypt/backups" {
  capabilities = ["update"]
}
