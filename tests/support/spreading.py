"""How the tests are spread over the workers of a run.

A file stays together, because its fixtures are dear; so do the folders whose tests share a real
node or an operator. The cases of the checks are many and alike; each may go anywhere.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

TOGETHER = ("tests/cluster/nodes/", "tests/operator/cluster/")
APART = ("tests/cluster/test_cases.py",)


class Spreading(LoadScopeScheduling):
    """Hands out files and folders in the order of collection: what takes longest comes first."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(APART):
            return nodeid
        folder = next((one for one in TOGETHER if nodeid.startswith(one)), None)
        return folder or nodeid.split("::", 1)[0]
