"""Runs kubectl for commands that a learner wrote down: the bundled one, or the PATH's.

Only ``kube.kubectl_command`` decides what is run; here it gets the chosen cluster and no other, a
cache of its own, no settings of the user's, and little time.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property

from labgrader.clusters.embedded.binary import kube_binary
from labgrader.clusters.target import Target
from labgrader.errors import LabError, MissingCapability, Unreachable
from labgrader.kube.protocols import Said
from labgrader.kube.responses import IN_BETWEEN
from labgrader.paths import state_root

_MOST = 64_000
"""Characters of an answer that are kept."""

_CANNOT_BE_RUN = 127

_MOST_LOGGED = 1_000_000

_ENTRY = re.compile(r"I\d{4} \d\d:")
_LONG = (("=<", " >"), ("[{", "}]"), ("{", "}"))
"""How the first line of a long entry ends, and how its last line begins."""

_ANSWER = re.compile(r'"Response" status="|Response Status: ')
_MARK = re.compile(r"^(?:I\d{4} .*\])?\s+Audit-Id: ", re.MULTILINE)
"""What ``-v=8`` writes: entries, one for each response, and the mark among its headers."""

_SHORT_LIVED = {"GOGC": "off", "GOMEMLIMIT": "256MiB"}
"""It ends before collecting garbage would pay; what is large is collected all the same."""

_DROPPED = ("KUBECTL_EXTERNAL_DIFF", "KUBE_EDITOR", "EDITOR", "KUBECTL_PLUGINS_CURRENT_NAMESPACE")


class Kubectl:
    """See ``kube.protocols.Kubectl``.

    kubectl believes every page that a gateway puts in the place of an answer. So its log of
    responses is read: one without the API server's mark (``kube.http``) is no answer.

    Args:
        marks: whether the API server's answers carry its mark.
    """

    def __init__(self, target: Target, marks: Callable[[], bool] = lambda: True) -> None:
        self._marks = marks
        self._odd = False
        self._target = target

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
        own["KUBECONFIG"] = os.pathsep.join(str(one) for one in self._target.sources)
        return {**kept, **own, **_SHORT_LIVED}

    def run(self, arguments: Sequence[str], *, timeout: float) -> Said:
        """Run kubectl; what did not end in time has no code.

        Raises:
            Unreachable: it did not speak to the API server alone.
        """
        said = self._run([*arguments, "-v=8"], timeout)
        self._demand_genuine(said)
        return replace(said, err="".join(_own_lines(said.err)))

    def _demand_genuine(self, said: Said) -> None:
        """Raise where an answer was not the API server's, now or in what kubectl remembers."""
        answers = _ANSWER.split(said.err)[1:]
        odd = not all(_MARK.search(answer) for answer in answers) and self._marks()
        if odd:
            self._odd = True
            shutil.rmtree(self._environment["KUBECACHEDIR"], ignore_errors=True)
        if odd or (self._odd and said.code != 0):
            raise Unreachable("kubectl got an answer that is not the API server's", IN_BETWEEN)

    def _run(self, arguments: Sequence[str], timeout: float) -> Said:
        try:
            done = subprocess.run(  # noqa: S603 - a list of words; no shell sees them
                [*self._program, *self._target.options, *arguments],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout,
                check=False,
                cwd="/",
            )
        except subprocess.TimeoutExpired as error:
            return Said(None, "", (error.stderr or b"").decode(errors="replace"))
        except (OSError, ValueError) as error:  # such as a NUL among the words
            return Said(_CANNOT_BE_RUN, "", f"it cannot be run: {error}")
        return Said(done.returncode, _text(done.stdout), done.stderr.decode(errors="replace"))


def _own_lines(err: str) -> Iterator[str]:
    """Yield what kubectl says to people: not the entries of its log, which may have many lines."""
    end = ""
    for line in err[:_MOST_LOGGED].splitlines(keepends=True):
        if end:
            end = "" if line.startswith(end) else end
        elif not _ENTRY.match(line):
            yield line
        else:
            end = next((end for mark, end in _LONG if line.rstrip().endswith(mark)), "")


def _text(content: bytes) -> str:
    return content[:_MOST].decode(errors="replace")
