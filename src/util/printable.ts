/**
 * Characters that no name may have, because nobody sees them: Unicode's control, format, private, unassigned and separating
 * characters except the space, those that are shown as nothing (Default_Ignorable_Code_Point: Hangul fillers, joiners,
 * variation selectors) and the blank Braille pattern; and the replacement character, which stands for bytes that are no text.
 * Behind a pictograph the emoji selector U+FE0F is part of what is seen.
 */
export const unprintable =
  /[\p{C}\p{Zl}\p{Zp}\ufffd\u2800]|(?! )\p{Zs}|(?!(?<=\p{Extended_Pictographic})\ufe0f)\p{Default_Ignorable_Code_Point}/u
