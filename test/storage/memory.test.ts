import { MemoryStorage } from '../../src/storage/memory.ts'
import { itIsAStorage } from '../contracts/storage.ts'

itIsAStorage('MemoryStorage', async () => new MemoryStorage())
