#!/bin/sh
#
# Installs Headcount's hooks in Claude Code's settings, or uninstalls them. It is safe to
# run twice. POSIX sh: finds a Python, makes .venv, and leaves the rest to Python
# (lib/installer.py); JSON is never edited here.

set -u
umask go-w # hooks run what is installed here, so nobody else may write to it

usage() {
  cat <<'EOF'
Usage: ./install.sh [--scope user|project|local] [--project DIR] [--statusline]
                    [--dry-run | --print | --uninstall [--purge]]
       ./install.sh --plugin [--uninstall]

  --scope user      ~/.claude/settings.json, or in $CLAUDE_CONFIG_DIR (the default)
  --scope project   DIR/.claude/settings.json
  --scope local     DIR/.claude/settings.local.json
  --project DIR     the project, by default the current folder; implies --scope project
  --statusline      also set the status line, unless another one is set
  --dry-run         show what would change in the settings; write nothing
  --print           print the hooks, to paste them by hand; write nothing
  --plugin          install as a plugin of Claude Code: no packages, no hooks in settings
  --uninstall       remove the hooks and the command; keep the records
  --purge           with --uninstall: remove the records and .venv, too
EOF
}

# Prints the line "$*"; what a terminal may obey, as in a path, becomes a question mark.
# Besides the controls of ASCII these are those of 8 bits, in UTF-8.
say() {
  printf '%s\n' "$*" | LC_ALL=C tr '\001-\011\013-\037\177' '[?*]' |
    LC_ALL=C sed "s/$(printf '\302')[$(printf '\200-\237')]/?/g"
}
warn() { say "install.sh: $*" >&2; }
die() { warn "$@"; exit 1; }
misuse() { warn "$@"; usage >&2; exit 2; }

# Prints the path of the interpreter that the command "$@" starts, not that of a pyenv
# shim or a virtualenv; fails if it is too old, or lacks a module named at the end.
interpreter() {
  "$@" 2>/dev/null <<'EOF'
import os, sys
assert sys.version_info >= (3, 10)
for name in sys.argv[1:]:
    __import__(name)
found = sys.executable
if sys.prefix != sys.base_prefix:
    found = "%s/bin/python%d.%d" % (sys.base_prefix, *sys.version_info[:2])
os.write(1, os.fsencode(found))
EOF
}

# Sets $py to an interpreter that has the modules "$@"; fails if there is none.
find_python() {
  for candidate in python3.13 python3.12 python3.11 python3.10 python3.14 python3 python uv; do
    [ "$candidate" != uv ] ||
      candidate=$(uv python find --no-config --no-project '>=3.10' 2>/dev/null)
    if found=$(interpreter "$candidate" -I - "$@") && [ -x "$found" ]; then
      py=$found
      return
    fi
  done
  return 1
}

# Says which Python is too old, if there is one; Apple's python3 is 3.9.
old_python() {
  version=$(python3 --version 2>/dev/null) && printf '%s' "; python3 is ${version#Python }"
}

# Runs lib/installer.py with the interpreter $1, without writing bytecode.
run() {
  python=$1
  shift
  (
    cd "$here" || exit 1 # relative paths are relative to the user's folder
    exec "$python" -I -B -c 'import runpy, sys
sys.path.insert(0, sys.argv.pop(1))
runpy.run_module("lib.installer", run_name="__main__", alter_sys=True)' "$root" "$@"
  )
}

is_ready() {
  cmp -s requirements.txt .venv/requirements.txt && has_packages .venv 2>/dev/null
}

# Whether the environment $1 has the packages, and they can be imported.
has_packages() {
  "$1/bin/python" -I - <<'EOF'
import os, sys, filelock, dateutil.parser, wcwidth, jinja2, textual
try:
    import psutil
except ImportError:  # a noexec mount prevents it; Linux does not need it
    if not os.statvfs(sys.prefix).f_flag & getattr(os, "ST_NOEXEC", 0):
        raise
EOF
}

# Runs uv or pip with only that part of the user's configuration that says how to reach a
# package index.
with_index() { "$py" -I -B lib/package_index.py "$@"; }

# The environment is built under another name and renamed, so that it is never partial.
make_environment() {
  ! is_ready || return 0
  [ -w . ] || die "$root has no .venv that is up to date, and you may not write there." \
    'Its owner must run install.sh first; after that everyone can'
  new=.venv.new.$$ old=.venv.old.$$
  trap 'rm -rf "$root/$new" "$root/$old"' EXIT
  trap 'exit 1' HUP INT TERM
  say "making $root/.venv"
  with_uv || with_pip || die "could not fill $root/.venv; the lines above say why." \
    'It was removed again, and the settings were not changed'
  cp requirements.txt "$new" || die "cannot write to $root/$new"
  ! is_ready || return 0 # another run was quicker
  if [ -e .venv ] || [ -h .venv ]; then
    aside=$old
    [ -e .venv/requirements.txt ] || aside=.venv.before.$$ # the user's own: keep it
    mv .venv "$aside" || die "cannot replace $root/.venv"
  fi
  mv "$new" .venv || die "cannot make $root/.venv"
  rm -rf ".venv/$new" # mv moves it into a .venv that another run made in between
}

with_uv() {
  command -v uv >/dev/null 2>&1 || return 1
  with_index uv venv --quiet --no-config --no-project --relocatable --python "$py" "$new" &&
    with_index uv pip install --quiet --no-config --no-build --require-hashes \
      --python "$new/bin/python" -r requirements.txt &&
    rm -f "$new/.lock" && # uv makes it writable for everyone
    has_packages "$new" && return
  warn 'uv could not make the environment; trying venv and pip'
  rm -rf "$new"
  return 1
}

with_pip() {
  find_python venv ensurepip || die "$py has no venv module." \
    'On Debian and Ubuntu: sudo apt install python3-venv. Or install uv'
  "$py" -I -m venv "$new" >&2 &&
    with_index "$new/bin/python" -I -m pip install --quiet --no-input \
      --disable-pip-version-check --only-binary :all: --require-hashes \
      -r requirements.txt &&
    has_packages "$new" &&
    rm -f "$new"/bin/pip* "$new"/bin/[Aa]ctivate* # they contain the temporary path
}

install() {
  run "$py" install --dry-run "$@" >/dev/null || exit 1 # refuse before any change
  make_environment
  .venv/bin/python -I -m compileall -q lib >/dev/null 2>&1 # may fail: the checkout may be read-only
  run "$root/.venv/bin/python" install "$@"
}

# Installs the plugin with the command `claude`, and links the plugin's command.
install_plugin() {
  link=$HOME/.local/bin/headcount
  ! find_python || run "$py" keep-settings
  { add_marketplace && claude plugin install headcount@headcount; } ||
    die 'Claude Code did not install the plugin; the lines above say why'
  if [ "$(readlink "$link")" = "$root/bin/headcount" ]; then
    say "command:  $link"
  elif [ -e "$link" ] || [ -h "$link" ]; then
    say "command:  $root/bin/headcount; $link is not the plugin's and was not changed"
  elif mkdir -p "$HOME/.local/bin" && ln -s "$root/bin/headcount" "$link"; then
    say "command:  $link"
  else
    say "command:  $root/bin/headcount; not linked"
  fi
  say 'next:     sessions that start from now on are recorded'
}

# 2.0.45 refuses to add one that it has; its folder may be another one now.
add_marketplace() {
  claude plugin marketplace add "$root" ||
    { claude plugin marketplace remove headcount && claude plugin marketplace add "$root"; }
}

uninstall_plugin() {
  link=$HOME/.local/bin/headcount
  { claude plugin uninstall headcount@headcount &&
    claude plugin marketplace remove headcount; } ||
    die 'Claude Code did not remove the plugin; the lines above say why'
  ! find_python || run "$py" restore-settings
  [ "$(readlink "$link")" != "$root/bin/headcount" ] || rm "$link"
  say 'kept:     the records'
}

main() {
  plugin='' scope='' project='' action=install dry_run='' purge='' statusline=''
  while [ $# -gt 0 ]; do
    case $1 in
      --scope | --project) [ $# -gt 1 ] || misuse "$1 needs a value" ;;
    esac
    case $1 in
      --scope) scope=$2 && shift ;;
      --scope=*) scope=${1#*=} ;;
      --project) project=$2 && shift ;;
      --project=*) project=${1#*=} ;;
      --statusline) statusline=yes ;;
      --dry-run) dry_run=yes ;;
      --print) action=print ;;
      --plugin) plugin=yes ;;
      --uninstall) action=uninstall ;;
      --purge) purge=yes ;;
      -h | --help) usage && exit ;;
      *) misuse "unknown option: $1" ;;
    esac
    shift
  done
  case ${scope:-user} in user | project | local) ;; *) misuse "unknown scope: $scope" ;; esac
  [ -z "$purge" ] || [ "$action" = uninstall ] || misuse '--purge goes with --uninstall'

  case $plugin$scope$project$dry_run$purge$statusline$action in
    yesinstall | yesuninstall) ;;
    *) [ -z "$plugin" ] || misuse '--plugin goes with --uninstall, and with nothing else' ;;
  esac

  here=$PWD
  case $0 in */*) script=$0 ;; *) script=./$0 ;; esac
  while [ -h "$script" ]; do
    target=$(readlink "$script")
    case $target in /*) script=$target ;; *) script=${script%/*}/$target ;; esac
  done
  # The x keeps a newline at the end of the path from being stripped.
  root=$(CDPATH='' cd -P "${script%/*}/" && pwd -P && echo x) || exit 1
  root=${root%??}
  cd "$root" || exit 1
  [ -z "$plugin" ] || { "${action}_plugin" && exit; }
  set -- ${scope:+"--scope=$scope"} ${project:+"--project=$project"} ${purge:+--purge} \
    ${statusline:+--statusline}

  find_python || die 'no Python 3.10 or newer found (looked for python3.10 to 3.14,' \
    "python3 and python on PATH, and asked uv)$(old_python). Install a newer one (for" \
    'example: brew install python, or uv python install), then run this again'
  [ "$action" != print ] || [ -x .venv/bin/python ] ||
    warn 'there is no .venv yet; these hooks record nothing until ./install.sh has run'
  case $action$dry_run in
    install) install "$@" ;;
    *) run "$py" "$action" ${dry_run:+--dry-run} "$@" ;;
  esac
}

main "$@" # last line: a script cut off in transit runs nothing
