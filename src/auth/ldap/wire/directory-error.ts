/** An LDAP server failed, or violated the protocol. The message is for the operator, and has no secret. */
export class DirectoryError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'DirectoryError'
  }
}
