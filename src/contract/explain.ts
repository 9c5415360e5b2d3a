/** The operations that a policy can be asked about, as its capabilities name them. */
export const explainable = ['create', 'read', 'update', 'delete', 'list', 'scan', 'patch'] as const
