import { expect } from 'chai'
import { devServer } from '../support/server.ts'
import { fromPyPi } from './programs/pypi.ts'
import { run } from './programs/run.ts'

const tests = 'castellan.tests.functional.key_manager.test_vault_key_manager'

/** OpenStack's key manager. Its tests come with it; they need a server with key-value version 2 at `secret`. */
describe('castellan 5.8.0: its own tests, unmodified', function () {
  this.timeout(300_000)
  let packages = ''
  before(async function () {
    packages = await fromPyPi(this, 'castellan-5.8.0', 'castellan==5.8.0', 'oslotest==6.1.1')
  })

  it('keys, certificates and passphrases in key-value secrets, with a token and with AppRole', async () => {
    const server = await devServer()
    const env = {
      PYTHONPATH: packages,
      PYTHONDONTWRITEBYTECODE: '1',
      VAULT_TEST_URL: server.running.address,
      VAULT_TEST_ROOT_TOKEN: 'root',
    }
    const { code, out } = await run('python3', ['-m', 'unittest', '--buffer', tests], { env })
    await server.running.stop()
    expect(code, out.slice(-3000)).to.equal(0)
    expect(out).to.match(/^Ran 129 tests in [\s\S]*^OK$/m)
  })
})
