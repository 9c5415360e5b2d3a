import type { Check } from '../../cli/framework/command.ts'

/** The result of one check. `advice` is what to do, if possible the command to run. */
const result =
  (status: Check['status']) =>
  (name: string, message = '', advice = ''): Check => ({ name, status, message, advice, children: [] })

export const ok = result('ok')
export const warn = result('warn')
export const fail = result('fail')
export const skipped = result('skipped')

const order: readonly Check['status'][] = ['skipped', 'ok', 'warn', 'fail']

/** Several checks under one name, with the status of the worst. */
export function group(name: string, children: readonly Check[]): Check {
  const worst = Math.max(...children.map(({ status }) => order.indexOf(status)), 0)
  return { name, status: order[worst] as Check['status'], message: '', advice: '', children }
}

/** The message of an error, which names the cure. */
export const reason = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : 'unknown')
