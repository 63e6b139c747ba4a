"""Reads cases: right and wrong answers by which checks are tested.

A case is a YAML file in ``tests/checks/<criterion>/``. It says how an answer differs from the
reference solution, and what the criterion must say to it. ``expect`` is ``failed``, ``passed`` (an
equivalent answer), ``blocked`` or ``error``; ``also`` names criteria that fail as well, because the
mistake is theirs too. ``containers: true`` says that the answer shows itself only where containers
run; it is skipped, and named, on clusters whose nodes are simulated. ``lasting: true`` says that it
leaves what cannot be taken back (events, what an autoscaler remembers): the lab is made anew after
it. ``alone: true`` says that no other case may be tried at the same time, although its changes do
not show why. ``changes`` are applied in order to the solved lab; ``lab_state.mutations`` says what
they can be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labgrader.errors import ContentError
from labgrader.kube.resources import Object
from labgrader.lab_state.mutations import Fault
from labgrader.lab_state.mutations import faults_of as change_faults
from labgrader.model.result import Outcome
from labgrader.util.bounded_yaml import read_documents

FIELDS = ("title", "expect", "changes", "reason", "also", "containers", "lasting", "alone")


@dataclass(frozen=True, slots=True)
class Case:
    """One answer. ``reason`` is a part of the reason that must be given (empty: any).

    ``containers``: true where it can be told from the solution only where containers run, false
    where only without (an operator at work would put it right), None where either will do.
    """

    criterion: str
    title: str
    expect: Outcome
    changes: tuple[Object, ...]
    reason: str
    also: tuple[str, ...]
    path: Path
    containers: bool | None = None
    lasting: bool = False
    alone: bool = False

    @property
    def name(self) -> str:
        """``criterion/file``, unique among all cases."""
        return f"{self.criterion}/{self.path.stem}"


def load_cases(folder: Path) -> Iterator[Case]:
    """Yield every case under ``folder``, in the order of the names.

    Raises:
        ContentError: a file is no case.
    """
    for path in sorted(folder.glob("*/*.yaml")):
        documents = list(read_documents(path))
        if len(documents) != 1:
            raise ContentError(f"{path} holds {len(documents)} documents", "One file is one case")
        data = documents[0]
        for where, what in faults_of(data):
            place = ".".join(map(str, where)) or "the file"
            raise ContentError(f"{path} is no case: {place}: {what}", "See docs/writing-a-check.md")
        yield Case(
            criterion=path.parent.name,
            title=data["title"],
            expect=Outcome(data["expect"]),
            changes=tuple(data["changes"]),
            reason=data.get("reason", ""),
            also=tuple(data.get("also", ())),
            path=path,
            containers=data.get("containers"),
            lasting=data.get("lasting", False),
            alone=data.get("alone", False),
        )


def faults_of(data: Any) -> Iterator[Fault]:
    """Yield everything because of which ``data`` is no case."""
    if not isinstance(data, Mapping):
        yield (), "a case is a mapping"
        return
    for key in data:
        if key not in FIELDS:
            yield (key,), f"unknown field {key}; a case has {', '.join(FIELDS)}"
    yield from _value_faults(data)
    changes = data.get("changes")
    if not isinstance(changes, list) or not changes:
        yield ("changes",), "changes is a list with at least one change"
        return
    for index, change in enumerate(changes):
        yield from change_faults(("changes", index), change)


def _value_faults(data: Mapping[str, Any]) -> Iterator[Fault]:
    if not isinstance(data.get("title"), str) or not data["title"].strip():
        yield ("title",), "a title says what the answer does differently"
    if data.get("expect") not in [outcome.value for outcome in Outcome]:
        yield ("expect",), f"expect is one of {', '.join(Outcome)}"
    if not isinstance(data.get("reason", ""), str):
        yield ("reason",), "reason is a part of the check's reason, as text"
    if not isinstance(data.get("containers", False), bool):
        yield (
            ("containers",),
            "containers is true where an answer needs them, false where it needs none",
        )
    if not isinstance(data.get("lasting", False), bool):
        yield ("lasting",), "lasting is true where what an answer does cannot be taken back"
    if not isinstance(data.get("alone", False), bool):
        yield ("alone",), "alone is true where no other case may be tried at the same time"
    also = data.get("also", [])
    if not isinstance(also, list) or not all(isinstance(one, str) for one in also):
        yield ("also",), "also is a list of criteria"
