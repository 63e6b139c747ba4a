"""Runs drills: breaks a solved lab, and detects when it is fixed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from labgrader.errors import Cause, LabError, UsageError
from labgrader.grading.capabilities import CONTAINERS
from labgrader.grading.registry import Check
from labgrader.kube.protocols import Cluster
from labgrader.kube.waiting import wait_until
from labgrader.lab_state import mutations
from labgrader.model.drill import Drill
from labgrader.model.result import CheckResult, Outcome
from labgrader.model.task import Criterion

SHOWS_SECONDS = 20.0
"""How long a fault may take until a check sees it."""


@dataclass(frozen=True, slots=True)
class Health:
    """How a drill stands, by the results of the checks that see its fault."""

    passed: tuple[CheckResult, ...]
    broken: tuple[CheckResult, ...]

    @property
    def whole(self) -> bool:
        """Whether everything passed."""
        return bool(self.passed) and not self.broken

    @property
    def unsure(self) -> bool:
        """Whether nothing is known to be wrong, but something could not be judged."""
        return bool(self.broken) and all(one.outcome is Outcome.ERROR for one in self.broken)


def health(results: Iterable[CheckResult]) -> Health:
    """Return how a drill stands."""
    sorted_out: dict[bool, list[CheckResult]] = {True: [], False: []}
    for one in results:
        sorted_out[one.outcome is Outcome.PASSED].append(one)
    return Health(tuple(sorted_out[True]), tuple(sorted_out[False]))


def told(result: CheckResult) -> str:
    """Return what is wrong by one check; not yet safe to show."""
    return f"{result.id}: {result.reason or result.outcome.value}"


def lacking(
    drill: Drill,
    criteria: Iterable[Criterion],
    checks: Mapping[str, Check],
    offered: Iterable[str],
) -> bool:
    """Whether a cluster that offers this cannot show the drill's fault: no container runs there.

    Args:
        criteria: those that see the fault.
        offered: the cluster's capabilities.
    """
    needs = drill.containers or any(CONTAINERS in checks[c.check].capabilities for c in criteria)
    return needs and CONTAINERS not in set(offered)


def begin(cluster: Cluster, drill: Drill, results: Iterable[CheckResult]) -> None:
    """Break the lab where it is whole.

    Args:
        results: of the checks that see the fault, judged just now.

    Raises:
        UsageError: it is not whole, or the drill does not fit what the learner has made.
    """
    broken = health(results).broken
    if broken:
        raise UsageError(
            f"The lab is not ready for this drill: {told(broken[0])}", _ready(broken[0])
        )
    try:
        mutations.apply(cluster, drill.changes, f"drill {drill.name}")
    except LabError as error:
        raise UsageError(
            f"This drill does not fit what you have made: {error.message}",
            "Try it on the reference solution: `labgrader reset`, `labgrader solve all`",
        ) from error


def await_fault(judge: Callable[[], Sequence[CheckResult]]) -> bool:
    """Wait until a check sees what was broken; return whether one did."""
    return wait_until(lambda: bool(health(judge()).broken), SHOWS_SECONDS)


def _ready(broken: CheckResult) -> str:
    if broken.cause is Cause.CAPABILITY:
        return "Try it on real nodes: `labgrader cluster up --nodes real`"
    return "Solve it first, by yourself or by `labgrader solve all`"
