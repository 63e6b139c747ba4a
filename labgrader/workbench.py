"""What both shells (CLI and TUI) work with: the content, the chosen cluster, and a runner."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from labgrader import paths
from labgrader.cluster import target as targets
from labgrader.cluster.kube import Kube
from labgrader.cluster.kubeconfig import connect
from labgrader.cluster.target import Target
from labgrader.engine import catalog, survey
from labgrader.engine.board import Limits
from labgrader.engine.catalog import Catalog
from labgrader.engine.events import Listener
from labgrader.engine.live import Change, Live
from labgrader.engine.runner import Runner
from labgrader.engine.snapshot import Snapshot
from labgrader.model.errors import LabError
from labgrader.model.result import ClusterInfo, Report
from labgrader.model.task import Criterion


@dataclass(frozen=True, slots=True)
class Choice:
    """What the user chose on the command line."""

    kubeconfig: str | None = None
    context: str | None = None
    content: str | None = None


class Workbench:
    """Content and cluster, opened when they are first needed."""

    def __init__(self, choice: Choice = Choice(), limits: Limits = Limits()) -> None:
        self.choice = choice
        self.limits = limits
        self.read_only = False

    @cached_property
    def catalog(self) -> Catalog:
        """The lab's content. Raises ``ContentError``."""
        return catalog.load(Path(self.choice.content or paths.content_root()))

    @cached_property
    def target(self) -> Target:
        """The chosen cluster. Raises ``UsageError`` when there is none."""
        return targets.choose(self.choice.kubeconfig, self.choice.context)

    @cached_property
    def cluster(self) -> Kube:
        """The API of the chosen cluster (nothing is sent yet)."""
        return Kube(connect(self.target.kubeconfig, self.target.context))

    def close(self) -> None:
        """Close what was opened."""
        if "cluster" in self.__dict__:
            self.cluster.close()

    def info(self, snapshot: Snapshot) -> ClusterInfo:
        """Describe the chosen cluster."""
        return survey.info(snapshot, self.target.provider, self.cluster.connection.context)

    def grade(self, criteria: Sequence[Criterion], listener: Listener) -> Report:
        """Judge ``criteria`` once."""
        return self._runner().run(criteria, Snapshot(self.cluster), self.info, listener)

    def live(
        self,
        criteria: Sequence[Criterion],
        listener: Listener,
        *,
        on_link: Callable[[LabError | None], None] = lambda error: None,
        on_change: Callable[[Change], None] = lambda change: None,
    ) -> Live:
        """Return a grading that goes on; call its ``run``."""
        return Live(
            self._runner(),
            self.cluster,
            criteria,
            self.info,
            listener,
            on_link=on_link,
            on_change=on_change,
        )

    def _runner(self) -> Runner:
        return Runner(
            self.catalog.lab,
            self.catalog.checks,
            capabilities=self._capabilities,
            limits=self.limits,
        )

    def _capabilities(self, snapshot: Snapshot) -> frozenset[str]:
        writes = frozenset() if self.read_only else frozenset({survey.WRITES})
        return survey.capabilities(snapshot) | writes
