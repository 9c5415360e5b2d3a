import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/**
 * Stands in for the `vault` program where a client's own tests start their server: `vault -version`, `vault server
 * -config=FILE` with a configuration in JSON, and any other command. Those tests need what a server of ours offers only
 * if told so: ceremonies without a token, and audit devices made over the API. Everything runs in this process, which
 * they kill. VAULT_VERSION is what it says it is: such tests choose by it what they expect.
 */
const main = resolve(import.meta.dirname, '../../../../dist/main.js')
const [command = '', option = ''] = process.argv.slice(2)

if (command === '-version') console.log(`Vault v${process.env['VAULT_VERSION'] ?? '1.15.0'}`)
else {
  if (command === 'server') process.argv[3] = `-config=${opened(option.slice('-config='.length))}`
  process.argv[1] = main
  await import(main)
}

function opened(given: string): string {
  const config = JSON.parse(readFileSync(given, 'utf8')) as { readonly listener: { readonly tcp: object } }
  const tcp = {
    ...config.listener.tcp,
    disable_unauthed_rekey_endpoints: false,
    disable_unauthed_generate_root_endpoints: false,
  }
  const file = join(mkdtempSync(join(tmpdir(), 'strongroom-vault-')), 'config.json')
  writeFileSync(file, JSON.stringify({ ...config, listener: { tcp }, unsafe_allow_api_audit_creation: true }))
  return file
}
