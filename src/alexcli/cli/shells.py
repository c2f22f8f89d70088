"""The scripts by which zsh and fish ask for completions, in the place of Typer's.

With Typer's, the first press of Tab in a new zsh offers nothing, and fish runs the program twice at
each. Paths are completed behind the equals sign of a KEY=VALUE, too.
"""

from typer import _completion_shared

ZSH = """
#compdef %(prog_name)s

%(complete_func)s() {
  local offered="$(env _TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" \\
                   %(autocomplete_var)s=complete_zsh %(prog_name)s)"
  if [[ $offered == _files ]]; then
    compset -P '*='
  fi
  eval $offered
}

compdef %(complete_func)s %(prog_name)s
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  %(complete_func)s "$@"
fi
"""
"""Loaded at the first Tab where it is installed, which it has to answer as well."""

FISH = """
function %(complete_func)s
    set --local offered (env _TYPER_COMPLETE_ARGS=(commandline --cut-at-cursor --current-process) \\
        _TYPER_COMPLETE_FISH_ACTION=get-args %(autocomplete_var)s=complete_fish %(prog_name)s)
    if test -n "$offered"
        string join \\n -- $offered
    else
        complete --do-complete "'' "(commandline --cut-at-cursor --current-token)
    end
end

complete --command %(prog_name)s --no-files --arguments "(%(complete_func)s)"
"""
"""Asks once, and offers paths where nothing is offered."""


def use_scripts() -> None:
    """Let `--show-completion` and `--install-completion` write these scripts."""
    _completion_shared._completion_scripts.update(zsh=ZSH, fish=FISH)
