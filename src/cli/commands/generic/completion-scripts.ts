/** A possible next word of a command line. */
export interface Candidate {
  readonly word: string
  readonly about: string
}

/** The input of a completion. */
export interface Vocabulary {
  /** The words that may follow, by the words before them, with single blanks between. */
  readonly words: ReadonlyMap<string, readonly Candidate[]>
  /** Flags with their dash, by command. */
  readonly flags: ReadonlyMap<string, readonly Candidate[]>
}

type Table = Vocabulary['words']

/** A function of bash and zsh that prints the table entry of its argument. */
function shellFunction(name: string, table: Table): string {
  const rows = [...table].map(
    ([line, found]) => `    '${line}') echo '${found.map(({ word }) => word).join(' ')}' ;;\n`,
  )
  return `${name}() {\n  case $1 in\n${rows.join('')}  esac\n}\n`
}

/**
 * Functions for both bash and zsh. Typed words are never run: they are only compared.
 * `__strongroom_candidates CURRENT WORD…` prints the candidates for the current word after the others.
 */
const shared = ({ words, flags }: Vocabulary): string => `${shellFunction('__strongroom_words', words)}
${shellFunction('__strongroom_flags', flags)}
__strongroom_candidates() {
  local current=$1 line='' word arguments=''
  shift
  for word in "$@"; do
    case " $(__strongroom_words "$line") " in
      *" $word "*) line="\${line:+$line }$word" ;;
      *) arguments=1; break ;;
    esac
  done
  case $current in
    --*) for word in $(__strongroom_flags "$line"); do echo "-$word"; done ;;
    -*) __strongroom_flags "$line" ;;
    *) if [ -z "$arguments" ]; then __strongroom_words "$line"; fi ;;
  esac
}
`

/** The completion script for bash (3.2 and later). Without candidates, bash completes file names. */
export function bashScript(vocabulary: Vocabulary): string {
  return `# Completion of strongroom for bash: source <(strongroom completion bash)
${shared(vocabulary)}
_strongroom() {
  local current=\${COMP_WORDS[COMP_CWORD]} IFS=$' \\t\\n'
  COMPREPLY=($(compgen -W "$(__strongroom_candidates "$current" "\${COMP_WORDS[@]:1:COMP_CWORD-1}")" -- "$current"))
}
complete -o bashdefault -o default -F _strongroom strongroom
`
}

/** The completion script for zsh. Without candidates, zsh completes file names. */
export function zshScript(vocabulary: Vocabulary): string {
  return `#compdef strongroom
# Completion of strongroom for zsh: source <(strongroom completion zsh), after compinit
${shared(vocabulary)}
_strongroom() {
  local -a found
  found=($(__strongroom_candidates "\${words[CURRENT]}" "\${(@)words[2,CURRENT-1]}"))
  if (( \${#found} )); then
    compadd -- "\${found[@]}"
  else
    _files
  fi
}
if [ "\${funcstack[1]}" = _strongroom ]; then
  _strongroom "$@"
else
  compdef _strongroom strongroom
fi
`
}

/** A string in single quotes for fish. */
const fishWord = (text: string): string => `'${text.replace(/[\\']/g, String.raw`\$&`)}'`

function fishFunction(name: string, table: Table): string {
  const rows = [...table].map(([line, found]) => {
    const words = found.map(({ word, about }) => fishWord(about === '' ? word : `${word}\t${about}`))
    return `        case ${fishWord(line)}\n            printf '%s\\n' ${words.join(' ')}\n`
  })
  return `function ${name}\n    switch "$argv[1]"\n${rows.join('')}    end\nend\n`
}

/** The completion script for fish (3.1 and later), with descriptions. Without candidates, fish completes file names. */
export function fishScript({ words, flags }: Vocabulary): string {
  return `# Completion of strongroom for fish: strongroom completion fish | source
${fishFunction('__strongroom_words', words)}
${fishFunction('__strongroom_flags', flags)}
function __strongroom_candidates
    set -l given (commandline -opc)
    set -e given[1]
    set -l line
    set -l arguments
    for word in $given
        if contains -- $word (__strongroom_words "$line" | string replace -r '\\t.*' '')
            set -a line $word
        else
            set arguments 1
            break
        end
    end
    switch (commandline -ct)
        case '--*'
            __strongroom_flags "$line" | string replace -r '^' '-'
        case '-*'
            __strongroom_flags "$line"
        case '*'
            test -z "$arguments"; and __strongroom_words "$line"
    end
end
complete -c strongroom -n 'count (__strongroom_candidates) >/dev/null' -f -a '(__strongroom_candidates)'
`
}
