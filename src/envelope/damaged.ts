/** An envelope that is not what was written: cut, changed, put together from others, or none at all. Nothing of the bad part was given out. */
export class Damaged extends Error {}
