import { f } from '../field.ts'

/** The fields of a route that lists names. */
export const pageFields = {
  after: f.string('Only names after this one.').or(''),
  limit: f.int('The most names to return; 0: all.').or(0),
}

/** The page that a caller asked for, as `View.list` takes it. */
export const pageOf = ({
  after,
  limit,
}: {
  readonly after: string
  readonly limit: number
}): { readonly after?: string; readonly limit?: number } => ({
  ...(after !== '' && { after }),
  ...(limit > 0 && { limit }),
})
