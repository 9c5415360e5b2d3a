# An application that encrypts and decrypts with keys it never sees. It cannot make, read, rotate, export or delete keys.
path "transit/encrypt/+" {
  capabilities = ["update"] # not "create": a misspelt name must not make a key
}

path "transit/decrypt/+" {
  capabilities = ["update"]
}

path "transit/rewrap/+" {
  capabilities = ["update"]
}

path "transit/datakey/wrapped/+" {
  capabilities = ["update"]
}
