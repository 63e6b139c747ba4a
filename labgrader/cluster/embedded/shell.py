"""The learner's own shell with the cluster at hand."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from labgrader.cluster.embedded.components import without_proxy
from labgrader.cluster.embedded.files import write_private
from labgrader.model.errors import LabError

_BASH = """\
[ -f ~/.bashrc ] && . ~/.bashrc
export PATH={path}:"$PATH" KUBECONFIG={config}
PS1="(lab:{name}) $PS1"
if kubectl version --client >/dev/null 2>&1; then
  . <(kubectl completion bash)
  alias k=kubectl
  complete -o default -F __start_kubectl k
fi
"""


def shell_environment(name: str, config: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Return ``env`` with the cluster's kubeconfig and kubectl first, and the lab off any proxy."""
    binaries = str(config.parent / "bin")
    return {
        **without_proxy(env),
        "KUBECONFIG": str(config),
        "PATH": f"{binaries}{os.pathsep}{env.get('PATH', os.defpath)}",
        "LABGRADER_SHELL": name,
    }


def open_shell(name: str, config: Path) -> None:
    """Run ``$SHELL`` until it ends; its exit code means nothing here.

    Raises:
        LabError: the shell cannot be started.
    """
    program = os.environ.get("SHELL") or "/bin/sh"
    env = shell_environment(name, config, os.environ)
    command = [program]
    if Path(program).name == "bash":
        command += ["--rcfile", str(_bash_start(name, config))]
    else:
        env["PS1"] = f"(lab:{name}) {os.environ.get('PS1', '$ ')}"
    # Ctrl-C belongs to what runs in the shell. A handler, unlike SIG_IGN, is not inherited by it.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        subprocess.run(command, env=env, check=False)  # noqa: S603 - the user's own shell
    except OSError as error:
        raise LabError(
            f"The shell {program} cannot be started: {error.strerror}", "Set SHELL to one that can"
        ) from error
    finally:
        signal.signal(signal.SIGINT, before)


def _bash_start(name: str, config: Path) -> Path:
    """Write what bash reads first: the learner's own file, then ours on top of it."""
    path = config.parent / "bin" / ".bashrc"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    text = _BASH.format(
        path=shlex.quote(str(config.parent / "bin")), config=shlex.quote(str(config)), name=name
    )
    write_private(path, text.encode())
    return path
