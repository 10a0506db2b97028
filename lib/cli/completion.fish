# Completion of headcount for fish. In ~/.config/fish/config.fish:
#   headcount completion fish | source

function __headcount_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct | string unescape)
    set -l lines (command headcount completion --complete \
        $words[2..] "$current" 2>/dev/null)
    if string match -q -- ':file*' $lines
        set -l option (string match -r -- '^-[^=]*=' "$current")
        set -l path (string replace -- "$option" '' "$current")
        string join \n -- "$option"(__fish_complete_path "$path")
    else
        string join \n -- $lines
    end
end

complete -c headcount -f -k -a '(__headcount_complete)'
