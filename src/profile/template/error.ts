/** A template that cannot be read, or a value that it cannot take. The message never has a value: it may be a secret. */
export class TemplateError extends Error {}
