/** The parameters of a usual key named `k`. */
export const keySpec = {
  name: 'k',
  type: 'aes256-gcm96',
  size: null,
  derived: false,
  convergent: false,
  exportable: false,
  plaintextBackup: false,
  autoRotatePeriod: 0,
} as const

/** For encryptions of no request: no audit log has to be waited for. */
export const unaudited = async (): Promise<void> => {}
