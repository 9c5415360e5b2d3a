/**
 * Characters that names may not have, because they are invisible: Unicode's control, format, private, unassigned and
 * separator characters except the space, those without a glyph (Default_Ignorable_Code_Point: Hangul fillers, joiners,
 * variation selectors) and the blank Braille pattern; and the replacement character, which replaces invalid bytes.
 * After a pictograph, the emoji selector U+FE0F is part of the visible character.
 */
export const unprintable =
  /[\p{C}\p{Zl}\p{Zp}\ufffd\u2800]|(?! )\p{Zs}|(?!(?<=\p{Extended_Pictographic})\ufe0f)\p{Default_Ignorable_Code_Point}/u
