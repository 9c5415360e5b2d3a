/**
 * Leaves out a test because this machine lacks something; in a hook, the tests that the hook is for. It is named in the
 * output, where `.ci/run` finds it, and mocha counts it as pending: nothing is left out in silence.
 * @param here `this` of the test or hook.
 * @param lack what is missing, and how to install it.
 */
export function leaveOut(here: Mocha.Context, lack: string): never {
  const running: (Mocha.Runnable & { readonly type?: string }) | undefined = here.test
  const test = here.currentTest ?? (running?.type === 'hook' ? running.parent : running)
  console.log(`      left out: ${test?.fullTitle() ?? ''}: ${lack.replaceAll(/\s+/g, ' ')}`)
  return here.skip()
}
