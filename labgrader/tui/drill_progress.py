"""What is remembered of drills while the lab is open, and how each stands. Knows no Textual."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from labgrader.grading.capabilities import CONTAINERS
from labgrader.grading.registry import Check
from labgrader.learning.drill_runs import Health, health, lacking
from labgrader.model.drill import Drill
from labgrader.model.result import CheckResult
from labgrader.model.task import Criterion
from labgrader.tui.state import LabState


class Stage(Enum):
    """How a drill stands. The values are the words that people read."""

    READY = "can begin"
    NOT_READY = "not before its checks pass"
    NOT_HERE = "on real nodes only"
    UNKNOWN = "not judged yet"
    BREAKING = "being prepared"
    BROKEN = "not healthy yet"
    HEALTHY = "healthy again"


@dataclass(slots=True)
class _Page:
    """One drill: how many hints were given, and what is known of its fault.

    ``before`` are results from before the fault was seen: as long as they stand, nothing of what
    they say is new.
    """

    level: int = 0
    begun: bool = False
    preparing: bool = False
    seen: bool = False
    before: Mapping[str, CheckResult] = field(default_factory=dict)


class DrillBook:
    """The drills of this sitting; outlives their window. Threads may call ``fault_shows``."""

    def __init__(self) -> None:
        self._pages: dict[str, _Page] = {}

    def level(self, drill: Drill) -> int:
        """Return how many hints were given."""
        return self._page(drill).level

    def hint(self, drill: Drill) -> bool:
        """Give one more hint; return whether there was one."""
        page = self._page(drill)
        more = page.level < len(drill.hints)
        page.level += more
        return more

    def prepare(self, drill: Drill) -> None:
        """Note that the fault is being made; hints begin anew."""
        self._pages[drill.name] = _Page(preparing=True)

    def begin(self, drill: Drill, *, begun: bool) -> None:
        """Note that the fault was made, or that it could not be."""
        page = self._page(drill)
        page.preparing, page.begun = False, begun

    def fault_shows(self, drill: Drill, state: LabState) -> None:
        """Note that a grading has seen the fault; what ``state`` still says is from before."""
        page = self._page(drill)
        results = {name: state.results[name] for name in drill.caught_by if name in state.results}
        page.before = {} if health(results.values()).broken else results
        page.seen = True

    def stage(
        self,
        drill: Drill,
        state: LabState,
        criteria: Sequence[Criterion],
        checks: Mapping[str, Check],
    ) -> tuple[Stage, Health]:
        """Return how a drill stands by what the live grading says, and by which results."""
        page = self._page(drill)
        known = [state.results[one.id] for one in criteria if one.id in state.results]
        found = health(known)
        offered = (CONTAINERS,) if state.cluster and _runs(state.cluster.nodes) else ()
        if page.preparing:
            return Stage.BREAKING, found
        if not page.begun and state.cluster and lacking(drill, criteria, checks, offered):
            return Stage.NOT_HERE, found
        if len(known) < len(criteria):
            return Stage.UNKNOWN, found
        if page.begun:
            return self._stage_of_begun(page, found), found
        return (Stage.READY if found.whole else Stage.NOT_READY), found

    def _stage_of_begun(self, page: _Page, found: Health) -> Stage:
        page.seen = page.seen or bool(found.broken)
        fresh = any(page.before.get(one.id) is not one for one in found.passed)
        return Stage.HEALTHY if page.seen and found.whole and fresh else Stage.BROKEN

    def _page(self, drill: Drill) -> _Page:
        return self._pages.setdefault(drill.name, _Page())


def _runs(nodes: str) -> bool:
    return nodes in ("real", "mixed")
