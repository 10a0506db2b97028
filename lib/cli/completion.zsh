#compdef headcount
# Completion of headcount for zsh. In ~/.zshrc, after compinit:
#   eval "$(headcount completion zsh)"
# or as a file named _headcount in a folder of $fpath.

_headcount() {
  local line
  local -a typed values
  typed=("${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}")
  for line in "${(@f)$(command headcount completion --complete \
    "${(@)typed}" 2>/dev/null)}"; do
    if [[ $line == :file* ]]; then
      compset -P '-*='
      _files
      return
    fi
    [[ -z $line ]] || values+=("${line/$'\t'/:}")
  done
  _describe -V completion values
}

if [[ $funcstack[1] == _headcount ]]; then
  _headcount "$@"
else
  compdef _headcount headcount
fi
