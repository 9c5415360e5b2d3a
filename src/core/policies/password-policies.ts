import type { View } from '../../contract/view.ts'
import { generatePassword, parsePasswordPolicy } from '../../policy/password.ts'
import { byteOrder } from '../../util/bytes.ts'
import { decodedPolicy } from './policies.ts'
import { isName, shapeOf } from '../../util/stored/shape.ts'

const passwordPolicyShape = shapeOf<{ readonly policy: string }>('a password policy', { policy: isName })

/** Password policies by name, as strings. Names are case-sensitive, and a slash is an ordinary character. */
export class PasswordPolicies {
  readonly #view: View
  readonly #random: (bytes: number) => Uint8Array

  constructor(view: View, random: (bytes: number) => Uint8Array) {
    this.#view = view
    this.#random = random
  }

  async get(name: string): Promise<string | undefined> {
    return (await this.#view.get(encodeURIComponent(name), passwordPolicyShape))?.policy
  }

  /** All names, in byte order. */
  async list(): Promise<string[]> {
    return (await this.#view.list('')).map(decodeURIComponent).sort(byteOrder)
  }

  /** @param source the policy, or its base64. @throws Fault invalid_request */
  async write(name: string, source: string): Promise<void> {
    const policy = decodedPolicy(source)
    parsePasswordPolicy(policy)
    await this.#view.put(encodeURIComponent(name), { policy })
  }

  async delete(name: string): Promise<void> {
    await this.#view.del(encodeURIComponent(name))
  }

  /** A password of a policy; undefined if the policy does not exist. */
  async generate(name: string): Promise<string | undefined> {
    const policy = await this.get(name)
    return policy === undefined ? undefined : generatePassword(parsePasswordPolicy(policy), this.#random)
  }
}
