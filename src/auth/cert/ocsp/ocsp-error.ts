/** An OCSP server did not give a status. The message is for the operator. */
export class OcspError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'OcspError'
  }
}
