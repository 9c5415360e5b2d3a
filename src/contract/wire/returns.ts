import { f } from '../field.ts'
import type { Fields } from '../field.ts'

/**
 * How a payload is written: `envelope` is the usual form, `injected` and `body` are Vault's others (`form.ts`). `token`: there is none, but a token.
 * `any`: the response is one of another route. `file`: a file of the content type `text`.
 */
export type ReturnsForm = 'envelope' | 'injected' | 'body' | 'token' | 'any' | 'file'

/** The name of members that are not known beforehand, such as the names of a caller's own secrets. */
export const otherMembers = '*'

/** The payload of a route's successful responses. OpenAPI and clients read it; tests check every response against it. */
export class Returns {
  /** Every possible member, by name. `otherMembers` describes all further ones; without it there are none. */
  readonly members: Fields
  readonly form: ReturnsForm
  /** The content type of a string that a caller may request instead. */
  readonly text: string | undefined

  constructor(members: Fields, form: ReturnsForm, text?: string) {
    this.members = members
    this.form = form
    this.text = text
  }
}

/** The members are repeated at the envelope's top level. */
export const injected = (members: Fields): Returns => new Returns(members, 'injected')

/** A body without envelope. @param text the content type of a string that a caller may request instead */
export const body = (members: Fields, text?: string): Returns => new Returns(members, 'body', text)

/** A file of any length. @param type its content type */
export const file = (type: string): Returns => new Returns({}, 'file', type)

/** The stored response of another request. */
export const anotherResponse: Returns = new Returns({}, 'any')

/** A token, new or renewed, in the envelope's `auth`. */
export const newToken: Returns = new Returns({}, 'token')

/** The members of a list. */
export const keys = (about: string): Fields => ({ keys: f.list(about) })
