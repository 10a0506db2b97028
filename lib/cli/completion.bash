# Completion of headcount for bash. In ~/.bashrc:
#   eval "$(headcount completion bash)"

_headcount() {
  local value description
  COMPREPLY=()
  while IFS=$'\t' read -r value description; do
    if [[ $value == :file ]]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r value; do
        COMPREPLY+=("$value")
      done < <(compgen -f -- "${2#=}")
    else
      # Only the list of candidates has descriptions (63 is `?`): it inserts nothing.
      [[ ${COMP_TYPE-} != 63 || -z $description ]] || value+="  $description"
      COMPREPLY+=("$value")
    fi
  done < <(command headcount completion --complete \
    "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}

complete -o nosort -F _headcount headcount 2>/dev/null ||
  complete -F _headcount headcount
