"""What the check of an operator's conduct says of operators that are at work."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from labgrader.content.catalog import load
from labgrader.errors import LabError
from labgrader.grading.context import Context
from labgrader.grading.services import CheckServices
from labgrader.grading.snapshot import Snapshot
from labgrader.grading.temporary_objects import PREFIX
from labgrader.kube.resources import name_of
from labgrader.paths import content_root
from running import ALGORITHM, PLATFORM, SERVICE, Lab, until

pytestmark = [pytest.mark.cluster]
SAMPLE = "sample-momentum-algo"
RESTS = "it writes nothing when nothing changes"


def conduct(lab: Lab) -> dict[str, bool | None]:
    """Run the check; return what it found, by the facts' names."""
    catalog = load(content_root())
    (criterion,) = catalog.select(["operator_conduct"])
    deadline = time.monotonic() + 60
    services = CheckServices(may_write=True)
    context = Context(Snapshot(lab.kube), PLATFORM, deadline, services=services)
    judge = catalog.checks[criterion.check].judge
    return {fact.name: fact.ok for fact in judge(context, **criterion.parameters) or ()}


@pytest.fixture
def hot_loop(lab: Lab) -> Iterator[None]:
    """Somebody who writes into the Service of every temporary resource, again and again."""
    over = threading.Event()

    def write() -> None:
        number = 0
        while not over.wait(0.2):
            for service in lab.kube.list(SERVICE, PLATFORM) or []:
                if name_of(service).startswith(PREFIX):
                    number += 1
                    annotations = {"metadata": {"annotations": {"looked-at": str(number)}}}
                    try:
                        lab.patch(SERVICE, name_of(service), annotations)
                    except LabError:  # it has gone meanwhile
                        continue

    thread = threading.Thread(target=write)
    thread.start()
    yield
    over.set()
    thread.join()


def test_the_reference_passes_and_leaves_nothing(lab: Lab) -> None:
    lab.start()
    lab.becomes(SAMPLE, "Active")
    found = conduct(lab)
    assert set(found.values()) == {True}, found
    assert RESTS in found
    until(lambda: not [o for o in lab.kube.list(ALGORITHM, PLATFORM) or [] if _temporary(o)])


def test_one_that_writes_in_a_hot_loop_is_told_so(lab: Lab, hot_loop: None) -> None:
    del hot_loop
    lab.start()
    lab.becomes(SAMPLE, "Active")
    found = conduct(lab)
    assert [name for name, ok in found.items() if not ok] == [RESTS]


def _temporary(obj: dict[str, object]) -> bool:
    return name_of(obj).startswith(PREFIX)
