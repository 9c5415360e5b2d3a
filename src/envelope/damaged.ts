/** A damaged envelope: truncated, changed, combined from others, or not an envelope. None of the damaged part was returned. */
export class Damaged extends Error {}
