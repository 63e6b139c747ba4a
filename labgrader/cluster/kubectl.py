"""kubectl itself, for commands that a learner wrote down: the one that comes along, or the PATH's.

Only ``engine.kubectl`` decides what is run; here it gets the chosen cluster and no other, a cache
of its own, no settings of the user's, and little time.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from labgrader.cluster.embedded.binary import kube_binary
from labgrader.engine.ports import Said
from labgrader.model.errors import LabError, MissingCapability
from labgrader.paths import state_root

_MOST = 64_000
"""Characters of an answer that are kept."""

_SHORT_LIVED = {"GOGC": "off", "GOMEMLIMIT": "256MiB"}
"""It ends before collecting garbage would pay; what is large is collected all the same."""

_DROPPED = ("KUBECTL_EXTERNAL_DIFF", "KUBE_EDITOR", "EDITOR", "KUBECTL_PLUGINS_CURRENT_NAMESPACE")


class Kubectl:
    """See ``engine.ports.Kubectl``.

    Args:
        context: None is the file's own.
    """

    def __init__(self, kubeconfig: Path, context: str | None) -> None:
        self._chosen = [f"--kubeconfig={kubeconfig}"]
        if context:
            self._chosen.append(f"--context={context}")

    @cached_property
    def _program(self) -> list[str]:
        try:
            return [str(kube_binary()), "kubectl"]
        except LabError as error:
            found = shutil.which("kubectl")
            if found is None:
                raise MissingCapability(
                    "There is no kubectl to try commands with",
                    "Install kubectl, or `pip install 'labgrader[embedded]'`",
                ) from error
            return [found]

    @cached_property
    def _environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if key not in _DROPPED}
        own = {"KUBERC": "off", "KUBECACHEDIR": str(state_root() / "kubectl")}
        return {**kept, **own, **_SHORT_LIVED}

    def run(self, arguments: Sequence[str], *, timeout: float) -> Said:
        """Run kubectl. What does not end in time has not worked."""
        try:
            done = subprocess.run(  # noqa: S603 - a list of words; no shell sees them
                [*self._program, *self._chosen, *arguments],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout,
                check=False,
                cwd="/",
            )
        except subprocess.TimeoutExpired:
            return Said(None, "", f"it did not end within {timeout:.0f} s")
        except (OSError, ValueError) as error:  # such as a NUL among the words
            return Said(None, "", f"it cannot be run: {error}")
        return Said(done.returncode, _text(done.stdout), _text(done.stderr))


def _text(content: bytes) -> str:
    return content[:_MOST].decode(errors="replace")
