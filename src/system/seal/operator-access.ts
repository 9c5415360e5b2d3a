/** Routes that work before the unseal, and need no token. */
export const anywhere = { access: 'public', whenSealed: true } as const

/** The status can be read in every namespace; operations on the server belong to the root namespace. */
export const operator = { ...anywhere, rootOnly: true } as const
