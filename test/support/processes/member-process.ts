import { startServer } from '../../../src/server/start.ts'
import { SocketStorage } from '../../../src/storage/socket/member.ts'

/** The process of a member: `node member-process.js <folder of the socket> <name> <configuration file>`. */
const [folder = '', name = '', config = ''] = process.argv.slice(2)
const storage = await SocketStorage.connect(folder, name)
const server = await startServer({ config: [config], storage })
process.stdout.write(`${server.address}\n`)
