import type { Command, Run } from '../../framework/command.ts'
import { flagsOf } from '../../framework/command-flags.ts'
import { commandGroups } from '../../command-table.ts'
import { bashScript, fishScript, zshScript } from './completion-scripts.ts'
import type { Candidate, Vocabulary } from './completion-scripts.ts'

/** All words and flags of the command line, from its own table. */
async function vocabulary(): Promise<Vocabulary> {
  const loaded = await Promise.all(commandGroups.map(async ({ load }) => load()))
  const commands = [...new Set(loaded.flat())]
  const words = new Map<string, Candidate[]>([['', commandGroups.map(({ word, about }) => ({ word, about }))]])
  for (const { name, about } of commands) addWords(words, name.split(' '), about)
  return { words, flags: new Map(commands.map((command) => [command.name, flagsIn(command)])) }
}

/** Adds each word of a name after those before it. A word with further ones after it has no description. */
function addWords(words: Map<string, Candidate[]>, parts: readonly string[], about: string): void {
  for (let at = 1; at < parts.length; at++) {
    const before = parts.slice(0, at).join(' ')
    const [word = '', isLast] = [parts[at], at === parts.length - 1]
    const candidates = words.get(before) ?? []
    if (!candidates.some((candidate) => candidate.word === word))
      words.set(before, [...candidates, { word, about: isLast ? about : '' }])
  }
}

const flagsIn = (command: Command): readonly Candidate[] =>
  Object.entries(flagsOf(command)).map(([name, { about }]) => ({ word: `-${name}`, about }))

function completion(shell: string, script: (vocabulary: Vocabulary) => string, how: string): Command {
  return {
    name: `completion ${shell}`,
    about: `Print the completion script for ${shell}: ${how}`,
    args: [0, 0],
    offline: true,
    run: async (run: Run) => {
      run.out(script(await vocabulary()))
      return 0
    },
  }
}

/** `completion …`. */
export const completionCommands: readonly Command[] = [
  completion('bash', bashScript, 'source <(strongroom completion bash)'),
  completion('zsh', zshScript, 'source <(strongroom completion zsh), after compinit'),
  completion('fish', fishScript, 'strongroom completion fish | source'),
]
