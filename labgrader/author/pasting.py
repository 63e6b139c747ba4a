"""Pastes the fix of a failing answer into a shell, and checks that it helps."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from labgrader.author.case_result import Results
from labgrader.clusters.embedded.binary import kube_binary
from labgrader.clusters.target import Target
from labgrader.errors import LabError
from labgrader.model.result import CheckResult, Outcome

SECONDS = 60.0
"""How long a command may take: a deletion waits until what it deletes is gone."""

_WRITES = "annotate|apply|autoscale|create|delete|expose|label|patch|rollout restart|scale|set|wait"
_COMMAND = re.compile(rf"kubectl (?:{_WRITES})\b")
_QUOTED = re.compile(rf"`(kubectl (?:{_WRITES})\b[^`]*)`")
_TO_FILL_IN = re.compile(r"\b[A-Z]{3,}(?:[-_][A-Z]+)*\b|<|--from-file=|-f [^-]|kubectl edit")
"""What makes a command an instruction: a value, or a file of the learner's own."""

_MADE = re.compile(r"^(\S+/\S+) created$", re.MULTILINE)
_PLACE = re.compile(r"(?:-n|--namespace)[ =](\S+)")
_IDENTIFIER = re.compile(
    r"[a-z]+[A-Z]\w+|\w+\.\w+|[a-z0-9]+-[a-z0-9-]+|\b[A-Z][a-z]+[A-Z]\w+|`[^`]+`"
)


def command_in(fix: str) -> str:
    """Return the command that a fix holds: all of it, what stands in backticks, or after a colon.

    Empty where it is an instruction, such as to edit something, or leaves a value to be filled in.
    """
    quoted = _QUOTED.search(fix)
    if quoted:
        found = quoted[1]
    else:
        behind = fix.partition(": ")[2]
        found = next((one for one in (fix, behind) if _COMMAND.match(one)), "")
    without_strings = re.sub(r"'[^']*'", "", found)
    return "" if _TO_FILL_IN.search(without_strings) or "…" in found else found


def names_something(fix: str) -> bool:
    """Whether an instruction names an object or a field."""
    return bool(_IDENTIFIER.search(fix))


@dataclass(slots=True)
class Shell:
    """A shell on one cluster, with kubectl; ``made`` is what commands have created there."""

    environ: dict[str, str]
    made: list[list[str]] = field(default_factory=list)

    def run(self, command: str) -> str:
        """Run a command; return what went wrong, empty where nothing did."""
        try:
            done = subprocess.run(  # noqa: S603 - that is what it is for, and the author's own words
                ["/bin/sh", "-c", command],
                env=self.environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
                cwd="/",
            )
        except subprocess.TimeoutExpired:
            return f"it did not end within {SECONDS:.0f} s"
        place = _PLACE.search(command)
        where = ["-n", place[1]] if place else []
        self.made += [[one, *where] for one in _MADE.findall(done.stdout)]
        return "" if done.returncode == 0 else (done.stderr.strip() or f"exit {done.returncode}")

    def clean(self) -> None:
        """Remove what commands have created."""
        while self.made:
            words = " ".join(self.made.pop())
            self.run(f"kubectl delete {words} --ignore-not-found")


@contextmanager
def shell(target: Target) -> Iterator[Shell]:
    """Open a shell on the chosen cluster."""
    try:
        kubectl = str(kube_binary())
    except LabError:
        kubectl = shutil.which("kubectl") or "kubectl"
    with tempfile.TemporaryDirectory(prefix="labgrader-") as folder:
        (Path(folder) / "kubectl").symlink_to(kubectl)
        path = os.pathsep.join((folder, os.environ.get("PATH", os.defpath)))
        files = os.pathsep.join(str(one) for one in target.sources)
        own = {"PATH": path, "KUBECONFIG": files, "KUBERC": "off", "KUBECACHEDIR": folder}
        yield Shell({**os.environ, **own})


def helped(before: CheckResult, after: CheckResult) -> bool:
    """Whether a fix did what it promised: the check passes, or the condition it is for does."""
    if after.outcome is Outcome.PASSED:
        return True
    named = next((one for one in before.conditions if one.outcome is Outcome.FAILED), None)
    if named is None:  # the whole check failed: it must at least have come further
        return after.outcome is Outcome.FAILED and after.reason != before.reason
    failing = {one.name for one in after.conditions if one.outcome is not Outcome.PASSED}
    return bool(after.conditions) and named.name not in failing


def harmed(before: Results, after: Results) -> list[str]:
    """Return the criteria that a fix made worse."""
    lost = (Outcome.FAILED, Outcome.BLOCKED)
    return [
        name
        for name, one in after.items()
        if before[name].outcome is Outcome.PASSED and one.outcome in lost
    ]
