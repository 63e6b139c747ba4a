"""Start-up files of the learner's shell: their own ones, then completion, `k`, and a prompt.

The prompt counts in the shell itself: no process is started to draw it. Where a shell cannot do
that, it gets a prompt that stands still.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Start:
    """How a shell is made to read our file: further arguments and variables."""

    arguments: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)


def prepare(program: str, folder: Path, env: Mapping[str, str], label: str, clock: Path) -> Start:
    """Write what ``program`` reads first into ``folder``, and return how it comes to read it.

    ``clock`` is the file whose line the prompt counts by (``session/prompt_clock.py``).
    A shell that is not known here gets a prompt by ``PS1``, as sh and its relatives take it.
    """
    kind = Path(program).name
    exports = "".join(f"export {name}={shlex.quote(env[name])}\n" for name in _kept(env))
    common = _COUNT.format(label=label, exports=exports, clock=shlex.quote(str(clock)))
    if kind == "bash":
        file = folder / "bashrc"
        file.write_text(_BASH_OWN + common + _BASH, encoding="utf-8")
        return Start(["--rcfile", str(file)])
    if kind == "zsh":
        (folder / ".zshenv").write_text(_ZSH_ENV, encoding="utf-8")
        (folder / ".zshrc").write_text(_ZSH_OWN + common + _ZSH, encoding="utf-8")
        own = env.get("ZDOTDIR") or env.get("HOME", "")
        return Start(variables={"ZDOTDIR": str(folder), "LABGRADER_ZDOTDIR": own})
    return Start(variables={"PS1": f"({label}) {env.get('PS1') or '$ '}"})


def _kept(env: Mapping[str, str]) -> list[str]:
    """Return what the learner's own start files must not take away again."""
    return [name for name in ("PATH", "KUBECONFIG") if name in env]


_COUNT = """
{exports}
__lab_label={label} __lab_clock={clock} __lab_shown=
__lab_text() {{
  local now="$1" fresh=0 deadline=0 started=0 finished= seconds word
  __lab_mark="($__lab_label) "
  [ -n "$now" ] || return 0
  {{ IFS=' ' read -r fresh deadline started finished; }} 2>/dev/null <"$__lab_clock" || return 0
  if [ -n "$finished" ]; then
    __lab_mark="($__lab_label ${{finished//[^a-zA-Z0-9._-]/}} done) "
    return 0
  fi
  [[ "$fresh$deadline$started" == *[!0-9]* ]] && return 0  # arithmetic would run what it says
  (( started && now <= fresh )) || return 0
  if (( deadline )); then
    seconds=$(( deadline - now )) word=left
    if (( seconds < 0 )); then seconds=$(( -seconds )) word=over; fi
  else
    seconds=$(( now - started )) word=elapsed
    if (( seconds < 0 )); then seconds=0; fi
  fi
  printf -v __lab_mark '(%s %02d:%02d %s) ' "$__lab_label" $(( seconds / 60 )) \\
    $(( seconds % 60 )) "$word"
}}
"""

_BASH_OWN = """\
[ -r /etc/bash.bashrc ] && . /etc/bash.bashrc
[ -r ~/.bashrc ] && . ~/.bashrc
"""

_BASH = """
__lab_prompt() {
  local now="${EPOCHSECONDS:-}"
  [ -n "$now" ] || printf -v now '%(%s)T' -1 2>/dev/null || now=
  __lab_text "$now"
  PS1="$__lab_mark${PS1#"$__lab_shown"}"
  __lab_shown="$__lab_mark"
}
# Last, and on a line of its own: what the learner has there may set PS1 anew, or end with a `;`.
if [[ "$(declare -p PROMPT_COMMAND 2>/dev/null)" == "declare -a"* ]]; then
  PROMPT_COMMAND+=(__lab_prompt)
else
  PROMPT_COMMAND="${PROMPT_COMMAND:+$PROMPT_COMMAND
}__lab_prompt"
fi
alias k=kubectl
if command -v kubectl >/dev/null 2>&1; then
  [ -r /usr/share/bash-completion/bash_completion ] && ! declare -F _init_completion >/dev/null &&
    . /usr/share/bash-completion/bash_completion
  # kubectl's completion leans on that package; this much of it does where it is not installed.
  declare -F _get_comp_words_by_ref >/dev/null || _get_comp_words_by_ref() {
    cword=$COMP_CWORD words=("${COMP_WORDS[@]}")
    cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
  }
  . <(kubectl completion bash 2>/dev/null)
  declare -F __start_kubectl >/dev/null && complete -o default -F __start_kubectl k
fi
"""

# zsh reads these instead of the learner's, which they read in turn, under the folder's own name.
_ZSH_ENV = """\
__lab_folder=$ZDOTDIR
ZDOTDIR=$LABGRADER_ZDOTDIR
[[ -r $ZDOTDIR/.zshenv ]] && . $ZDOTDIR/.zshenv
LABGRADER_ZDOTDIR=$ZDOTDIR
ZDOTDIR=$__lab_folder
"""

_ZSH_OWN = """\
ZDOTDIR=$LABGRADER_ZDOTDIR
unset LABGRADER_ZDOTDIR
[[ -n $HISTFILE ]] && HISTFILE=${HISTFILE/#$__lab_folder/$ZDOTDIR}
[[ -r $ZDOTDIR/.zshrc ]] && . $ZDOTDIR/.zshrc
[[ $ZDOTDIR == $HOME ]] && unset ZDOTDIR
"""

_ZSH = """
zmodload zsh/datetime
__lab_prompt() {
  __lab_text "$EPOCHSECONDS"
  PROMPT="$__lab_mark${PROMPT#"$__lab_shown"}"
  __lab_shown="$__lab_mark"
}
precmd_functions+=(__lab_prompt)
alias k=kubectl
if (( $+commands[kubectl] )); then
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit -u -D }
  . <(kubectl completion zsh 2>/dev/null)
fi
"""
