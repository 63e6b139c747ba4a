"""A small lab made of functions, for tests of the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labgrader.grading import capabilities
from labgrader.grading.registry import Check
from labgrader.grading.runner import Runner
from labgrader.grading.scheduler import Limits
from labgrader.kube.resources import Resource
from labgrader.model.result import CheckResult, Report
from labgrader.model.task import Criterion, Lab, Step, Task

THING = Resource("example.io", "v1", "things", "Thing")
OTHER = Resource("example.io", "v1", "others", "Other")


class SmallLab:
    """Collects checks; ``grade`` runs them against a cluster."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.checks: dict[str, Check] = {}
        self.criteria: list[Criterion] = []
        self.events: list[Any] = []
        self.limits = limits or Limits()
        self.capabilities = capabilities.offered

    def add(
        self,
        judge: Any,
        *,
        needs: tuple[str, ...] = (),
        capabilities: tuple[str, ...] = (),
        **more: Any,
    ) -> None:
        """Add one check under its function's name, worth two points."""
        name = judge.__name__
        self.checks[name] = Check(name, judge, "because", capabilities)
        self.criteria.append(Criterion(name, name, name.title(), "1.1", 2, needs=needs, **more))

    @property
    def lab(self) -> Lab:
        step = Step("1.1", "Step", "Do it", criteria=tuple(self.criteria))
        return Lab("small", "Small", "lab", (Task("task1", "Task", "Story", 60, (step,)),), Path())

    def runner(self) -> Runner:
        """Return a runner over everything added so far."""
        return Runner(self.lab, self.checks, capabilities=self.capabilities, limits=self.limits)

    def grade(self, cluster: Any, only: tuple[str, ...] = ()) -> dict[str, CheckResult]:
        """Grade and return results by id."""
        return {check.id: check for check in self.report(cluster, only).checks}

    def report(self, cluster: Any, only: tuple[str, ...] = ()) -> Report:
        """Grade and return the report."""
        from labgrader.grading.snapshot import Snapshot

        chosen = [c for c in self.criteria if not only or c.id in only]
        return self.runner().run(chosen, Snapshot(cluster), info, self.events.append).report


def info(snapshot: Any) -> Any:
    """Describe the fake cluster."""
    return capabilities.info(snapshot, "existing", "fake")


_TASK = """\
title: Task
story: A story.
budget_seconds: 60
steps:
  - title: Step
    instructions: Do it.
    criteria:
      - {id: always, title: It is so, points: 2, hints: [Look]}
"""

_CHECK = '''\
from labgrader.api import Context, check, fact

@check()
def always(ctx: Context):
    """Looks at nothing."""
    yield fact("it is so", True)
'''


def make_lab(folder: Path) -> Path:
    """Write a lab of one check, which passes without a cluster; return ``folder``."""
    for name in ("tasks", "checks", "solutions"):
        (folder / name).mkdir(parents=True)
    (folder / "tasks" / "lab.yaml").write_text(
        "format: 1\nid: small\nversion: '1'\ntitle: Small\nnamespace: lab\npoints: 20\n"
    )
    (folder / "tasks" / "task1-first.yaml").write_text(_TASK)
    (folder / "checks" / "always.py").write_text(_CHECK)
    return folder
