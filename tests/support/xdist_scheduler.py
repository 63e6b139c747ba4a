"""How the tests are spread over the workers of a run.

A file stays together, because its fixtures are dear; so do the folders whose tests share a real
node or an operator. The cases of the checks are many, and tried in batches: they are dealt out into
groups, so that each group holds cases of all criteria, which can share batches (ADR 8). What takes
long begins early, and what is short fills the gaps at the end, whatever the order of collection.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from xdist.scheduler import LoadScopeScheduling

from labgrader.content.lab_folder import LabFolder
from labgrader.paths import content_root

TOGETHER = ("tests/cluster/nodes/", "tests/operator/cluster/")
ALONE = ("tests/cluster/nodes/test_demo.py",)
"""Files of these folders that need not wait for the others: they have a cluster of their own."""

APART = ("tests/tui/",)
"""Folders whose tests share nothing: each of them may go anywhere."""

CASES_FILE = "tests/cluster/test_cases.py"
CASES = f"{CASES_FILE}::test_case["

CASE_GROUPS = 12
"""Computed: 4 groups make 187 batches, 12 make 195, 24 make 209; without groups there are 182."""

ORDER = (
    "tests/cluster/nodes/",
    *ALONE,
    "tests/operator/cluster/",
    "tests/cluster/test_story.py",
    "tests/cluster/embedded/",
    "tests/cluster/test_terminal.py",
    "tests/browser/",
    "tests/tui/test_monkey.py",
    "tests/cluster/",
    CASES_FILE,
    "",
)
"""Beginnings of scopes, the longest work first; the most exact one that fits a scope counts."""


def case_group(name: str) -> int:
    """Return the group of the case called ``criterion/file``; its batches are in there."""
    return _places().get(name, 0) % CASE_GROUPS


@cache
def _places() -> dict[str, int]:
    files = sorted(LabFolder(content_root()).cases.glob("*/*.yaml"))
    return {f"{file.parent.name}/{file.stem}": place for place, file in enumerate(files)}


class Spreading(LoadScopeScheduling):
    """Hands out files and folders, one at a time to whichever worker is free."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(CASES):
            name = nodeid.removeprefix(CASES).removesuffix("]")
            return f"{CASES}group {case_group(name)}]"
        if nodeid.startswith(APART):
            return nodeid
        file = nodeid.split("::", 1)[0]
        if file in ALONE:
            return file
        return next((one for one in TOGETHER if nodeid.startswith(one)), file)

    def _assign_work_unit(self, node: Any) -> None:
        self.workqueue.move_to_end(min(self.workqueue, key=turn), last=False)
        super()._assign_work_unit(node)

    def _reschedule(self, node: Any) -> None:
        """Give more to a worker that has one test left; that one waits to know what follows it.

        Upstream gives more at two left, and so a long scope can stand behind a long test while
        another worker is idle.
        """
        if not self.workqueue or self._pending_of(self.assigned_work[node]) < 2:
            super()._reschedule(node)


def turn(scope: str) -> int:
    """Return when a scope has its turn: its place in ``ORDER``."""
    return ORDER.index(max((one for one in ORDER if scope.startswith(one)), key=len))
