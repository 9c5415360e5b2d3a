import { TemplateError } from './error.ts'
import { functions, indexed, isTrue, text } from './functions.ts'
import type { TemplateWorld } from './functions.ts'
import { parseTemplate } from './parse.ts'
import type { Expression, Part } from './parse.ts'

/** The text that a template makes of data. @throws TemplateError, also for a field that is missing */
export function render(template: string, data: unknown, world: TemplateWorld): string {
  return printed(parseTemplate(template), data, world)
}

function printed(parts: readonly Part[], data: unknown, world: TemplateWorld): string {
  return parts
    .map((part) => {
      if (part.kind === 'text') return part.text
      if (part.kind === 'print') return text(valueOf(part.value, data, world))
      return printed(isTrue(valueOf(part.test, data, world)) ? part.parts : part.otherwise, data, world)
    })
    .join('')
}

function valueOf(expression: Expression, data: unknown, world: TemplateWorld): unknown {
  if (expression.kind === 'value') return expression.value
  if (expression.kind === 'fields') return expression.names.reduce<unknown>(indexed, data)
  const args = expression.args.map((arg) => valueOf(arg, data, world))
  const call = functions.get(expression.name)
  if (!call) throw new TemplateError(`there is no function "${expression.name}"`)
  return call(args, world)
}
