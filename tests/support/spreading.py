"""How the tests are spread over the workers of a run.

A file stays together, because its fixtures are dear; so do the folders whose tests share a real
node or an operator. The cases of the checks are many, and tried in batches: they are dealt out into
groups, so that each group holds cases of all criteria, which can share batches (ADR 8).
"""

from __future__ import annotations

from functools import cache

from xdist.scheduler import LoadScopeScheduling

from labgrader.author.verify import cases_folder
from labgrader.paths import content_root

TOGETHER = ("tests/cluster/nodes/", "tests/operator/cluster/")
CASES = "tests/cluster/test_cases.py::test_case["

CASE_GROUPS = 12
"""Computed: 4 groups make 187 batches, 12 make 195, 24 make 209; without groups there are 182."""


def case_group(name: str) -> int:
    """Return the group of the case called ``criterion/file``; its batches are in there."""
    return _places().get(name, 0) % CASE_GROUPS


@cache
def _places() -> dict[str, int]:
    files = sorted(cases_folder(content_root()).glob("*/*.yaml"))
    return {f"{file.parent.name}/{file.stem}": place for place, file in enumerate(files)}


class Spreading(LoadScopeScheduling):
    """Hands out files and folders in the order of collection: what takes longest comes first."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(CASES):
            name = nodeid.removeprefix(CASES).removesuffix("]")
            return f"{CASES}group {case_group(name)}]"
        folder = next((one for one in TOGETHER if nodeid.startswith(one)), None)
        return folder or nodeid.split("::", 1)[0]
