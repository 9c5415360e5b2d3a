import { existsSync } from 'node:fs'
import koffi from 'koffi'
import { ckr } from './constants.ts'
import { Pkcs11Error, TokenProblem } from './error.ts'
import { ulongBytes, wordAt, words } from './memory.ts'

const [number, pointer, byte] = ['ulong', 'void *', 'uint8']

/** The functions in use: their places in CK_FUNCTION_LIST (`pkcs11f.h`, the same in every 2.x and 3.x) and their parameters. */
const functions = {
  C_Initialize: { at: 0, takes: [pointer] },
  C_Finalize: { at: 1, takes: [pointer] },
  C_GetSlotList: { at: 4, takes: [byte, pointer, pointer] },
  C_GetTokenInfo: { at: 6, takes: [number, pointer] },
  C_OpenSession: { at: 12, takes: [number, number, pointer, pointer, pointer] },
  C_CloseSession: { at: 13, takes: [number] },
  C_Login: { at: 18, takes: [number, number, pointer, number] },
  C_Logout: { at: 19, takes: [number] },
  C_GetAttributeValue: { at: 24, takes: [number, number, pointer, number] },
  C_FindObjectsInit: { at: 26, takes: [number, pointer, number] },
  C_FindObjects: { at: 27, takes: [number, pointer, number, pointer] },
  C_FindObjectsFinal: { at: 28, takes: [number] },
  C_EncryptInit: { at: 29, takes: [number, pointer, number] },
  C_Encrypt: { at: 30, takes: [number, pointer, number, pointer, pointer] },
  C_DecryptInit: { at: 33, takes: [number, pointer, number] },
  C_Decrypt: { at: 34, takes: [number, pointer, number, pointer, pointer] },
} as const
type Name = keyof typeof functions
type Argument = bigint | number | Uint8Array | null
type Native = (...values: readonly Argument[]) => number | bigint

/** A PKCS#11 library, loaded into this process. It can crash or hang it: `token-process.ts` is the process for that. */
export class Library {
  readonly #calls = new Map<Name, Native>()

  /** @throws TokenProblem when it cannot be loaded */
  static load(file: string): Library {
    const list = Buffer.alloc(ulongBytes)
    const get = loaded(file)
    const value = Number(get(list))
    if (value !== ckr.ok) throw new Pkcs11Error('C_GetFunctionList', value)
    return new Library(wordAt(list))
  }

  private constructor(list: bigint) {
    for (const [name, { at, takes }] of Object.entries(functions)) {
      // The version of two bytes stands before the pointers.
      const place = koffi.decode(list, (at + 1) * ulongBytes, pointer) as bigint
      this.#calls.set(name as Name, koffi.decode(place, koffi.proto(name, number, [...takes])) as Native)
    }
  }

  /** Calls a function. @throws Pkcs11Error unless it returns CKR_OK, or a value of `fine` */
  call(name: Name, values: readonly Argument[], fine: readonly number[] = []): number {
    const native = this.#calls.get(name) as Native
    const value = Number(native(...values))
    if (value !== ckr.ok && !fine.includes(value)) throw new Pkcs11Error(name, value)
    return value
  }

  /** The bytes that a function writes, at most `most`. */
  bytes(name: Name, values: readonly Argument[], most: number): Buffer {
    const [out, length] = [Buffer.alloc(most), words(most)]
    this.call(name, [...values, out, length])
    return out.subarray(0, Number(wordAt(length)))
  }
}

function loaded(file: string): Native {
  if (!existsSync(file)) throw new TokenProblem('the file of lib is not there')
  try {
    return koffi.load(file).func('C_GetFunctionList', number, [pointer]) as Native
  } catch (thrown) {
    // Names of folders stay on this machine.
    const why = thrown instanceof Error ? thrown.message.replaceAll(/\/\S*\//g, '').slice(0, 200) : 'unknown'
    throw new TokenProblem(`lib cannot be loaded, or is no PKCS#11 library: ${why}`)
  }
}
