"""What bash, zsh and fish run to complete `headcount`; `completion` fills in the rest.

Between two `@` stands what is made from the list of commands.
"""

from __future__ import annotations

BASH = r"""# Completion of headcount for bash. In ~/.bashrc:
#   eval "$(headcount completion bash)"

# What a place takes: of a command, the value of an option or the argument of a number.
_headcount_takes() {
  case $1 in
@takes@
  esac
}

_headcount_options() {
  case $1 in
@options@
  esac
}

# With a list to be shown, and only then, the words about each session stand with it.
_headcount_sessions() {
  local id about
  compopt -o nosort 2>/dev/null
  while IFS=$'\t' read -r id about; do
    [[ $id == "$1"* ]] || continue
    [[ ${COMP_TYPE-} != 63 || -z $about ]] || id+="  $about"
    COMPREPLY+=("$id")
  done < <(command headcount completion --ids 2>/dev/null)
}

_headcount_files() {
  local name
  compopt -o filenames 2>/dev/null
  while IFS= read -r name; do
    COMPREPLY+=("$name")
  done < <(compgen -f -- "$1")
}

_headcount_words() {
  local word start=$1
  shift
  for word; do
    [[ $word != "$start"* ]] || COMPREPLY+=("$word")
  done
}

_headcount() {
  local IFS=$' \t\n' cur=${COMP_WORDS[COMP_CWORD]}
  local command='' option='' number=1 word takes i
  [[ $cur != = ]] || cur=''
  [[ $COMP_CWORD == 1 || ${COMP_WORDS[1]} != -* ]] || command=list
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ $word == = ]]; then
      continue
    elif [[ -n $option ]]; then
      option=
    elif [[ $word == -* ]]; then
      [[ -z $(_headcount_takes "$command $word") ]] || option=$word
    elif [[ -z $command ]]; then
      command=$word
    else
      number=$((number + 1))
    fi
  done
  COMPREPLY=()
  if [[ $cur == -* && -z $option ]]; then
    takes="words $(_headcount_options "$command")"
  elif [[ -z $command ]]; then
    takes='words @commands@'
  else
    takes=$(_headcount_takes "$command ${option:-$number}")
  fi
  # shellcheck disable=SC2086  # several words
  case $takes in
    session) _headcount_sessions "$cur" ;;
    file) _headcount_files "$cur" ;;
    words*) _headcount_words "$cur" ${takes#words} ;;
  esac
}

complete -F _headcount headcount
"""

ZSH = r"""#compdef headcount
# Completion of headcount for zsh. In ~/.zshrc, after compinit:
#   eval "$(headcount completion zsh)"
# or as a file named _headcount in a folder of $fpath.

_headcount_sessions() {
  local id about
  local -a ids shown
  while IFS=$'\t' read -r id about; do
    ids+=("$id")
    shown+=("$id  $about")
  done < <(command headcount completion --ids 2>/dev/null)
  compadd -o nosort -l -d shown -a ids 2>/dev/null || compadd -l -d shown -a ids
}

_headcount_commands() {
  local -a commands
  commands=(
@commands@
  )
  _describe -t commands command commands
}

_headcount() {
  local curcontext=$curcontext state line ret=1
  _arguments -C \
@default@
    '1:command:_headcount_commands' \
    '*::argument:->arguments' && ret=0
  [[ $state == arguments ]] || return ret
  case $words[1] in
@cases@
  esac
  return ret
}

if [[ $funcstack[1] == _headcount ]]; then
  _headcount "$@"
else
  compdef _headcount headcount
fi
"""

FISH = r"""# Completion of headcount for fish. In ~/.config/fish/config.fish:
#   headcount completion fish | source

# Whether the cursor is at argument $argv[2] of command $argv[1]; `*` is any argument.
function __headcount_at
    set -l words (commandline -opc)
    set -e words[1]
    set -l command
    set -l number 1
    set -l waits no
    string match -q -- '-*' "$words[1]"; and set command list
    for word in $words
        if test $waits = yes
            set waits no
        else if string match -q -- '-*' $word
            contains -- "$command $word" @valued@; and set waits yes
        else if test -z "$command"
            set command $word
        else
            set number (math $number + 1)
        end
    end
    test "$command" = "$argv[1]"; and string match -q -- "$argv[2]" $number
end

complete -c headcount -f
complete -c headcount -n '__headcount_at "" 1' -l version -d 'show the version'
complete -c headcount -s h -l help -d 'show help'
"""
