const unprintable = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu

/**
 * An untrusted string for a terminal: characters that could move the cursor or change the direction are escaped.
 * `lines` keeps line feeds and tabs, for messages of several lines.
 */
export function printable(text: string, { lines = false } = {}): string {
  return text.replace(unprintable, (letter) =>
    lines && (letter === '\n' || letter === '\t') ? letter : `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
