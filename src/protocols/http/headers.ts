/**
 * Headers of every answer: none is kept by a browser or a proxy, none is guessed to be something else, and one that a browser
 * shows as a page runs nothing, loads nothing and stands in no frame.
 */
export const everyAnswer = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
} as const
