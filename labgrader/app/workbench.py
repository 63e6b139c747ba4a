"""The workbench: content, chosen cluster and runner, used by CLI and TUI.

Imports nothing heavy before it is needed: the lab's first screen is painted before all that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labgrader.clusters.target import Target
    from labgrader.content.catalog import Catalog
    from labgrader.content.lab_pack import LabPack
    from labgrader.errors import LabError
    from labgrader.grading.change_feed import Change
    from labgrader.grading.events import Listener
    from labgrader.grading.live import Live
    from labgrader.grading.runner import Run, Runner
    from labgrader.grading.scheduler import Limits
    from labgrader.grading.services import CheckServices
    from labgrader.grading.snapshot import Snapshot
    from labgrader.kube.client import Kube
    from labgrader.kube.kubeconfig import Connection
    from labgrader.kube.pods import Pods
    from labgrader.model.result import CheckResult, ClusterInfo, Report
    from labgrader.model.task import Criterion


@dataclass(frozen=True, slots=True)
class Choice:
    """What the user chose on the command line."""

    kubeconfig: str | None = None
    context: str | None = None
    content: str | None = None
    lab: str | None = None
    variant: int | None = None

    @property
    def lab_options(self) -> list[str]:
        """The options that choose the same lab again."""
        content = ["--content", self.content] if self.content else []
        lab = ["--lab", self.lab] if self.lab else []
        return (
            content + lab + (["--variant", str(self.variant)] if self.variant is not None else [])
        )

    def at(self, kubeconfig: str) -> Choice:
        """Return the choice of the same lab on another cluster."""
        return replace(self, kubeconfig=kubeconfig, context=None)


class Workbench:
    """Content and cluster, opened when they are first needed.

    Args:
        tell: gets a line for what should be known about the connection, and is no error.
    """

    def __init__(
        self,
        choice: Choice = Choice(),
        limits: Limits | None = None,
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.tell = tell
        self.choice = choice
        self.limits = limits
        self.read_only = False

    def with_lab(self, lab: str) -> Workbench:
        """Return a workbench for another installed lab on the same cluster."""
        choice = replace(self.choice, content=None, lab=lab, variant=None)
        found = Workbench(choice, self.limits, self.tell)
        found.read_only = self.read_only
        return found

    @cached_property
    def pack(self) -> LabPack:
        """The chosen lab. Raises ``UsageError`` where none is, ``ContentError`` if it is broken."""
        from labgrader.content.installed_labs import choose_lab

        return choose_lab(self.choice.content, self.choice.lab, self.choice.variant)

    @cached_property
    def catalog(self) -> Catalog:
        """The lab's content. Raises ``ContentError``."""
        from labgrader.content import catalog

        loaded = catalog.load(self.pack.folder.root)
        for fault in loaded.faults:
            self.tell(fault)
        return loaded

    @cached_property
    def target(self) -> Target:
        """The chosen cluster. Raises ``UsageError`` when there is none."""
        from labgrader.clusters import target as targets

        return targets.choose(self.choice.kubeconfig, self.choice.context)

    @cached_property
    def cluster(self) -> Kube:
        """The API of the chosen cluster (nothing is sent yet)."""
        from labgrader.kube.client import Kube

        return Kube(self.connection)

    @cached_property
    def connection(self) -> Connection:
        """How to reach the chosen cluster; a login helper of its kubeconfig may ask questions."""
        from labgrader.kube.kubeconfig import connect

        found = connect(self.target.sources, self.target.context, self.tell)
        if found.insecure:
            self.tell(f"{found.host} is not verified: insecure-skip-tls-verify is set")
        return found

    @cached_property
    def _pods(self) -> Pods:
        from labgrader.kube.pods import Pods

        return Pods(self.connection)

    def close(self) -> None:
        """Close what was opened."""
        if "cluster" in self.__dict__:
            self.cluster.close()
        if "_pods" in self.__dict__:
            self._pods.close()

    def info(self, snapshot: Snapshot) -> ClusterInfo:
        """Describe the chosen cluster."""
        from labgrader.grading import capabilities

        return capabilities.info(snapshot, self.target.provider, self.connection.context)

    def grade(self, criteria: Sequence[Criterion], listener: Listener) -> Report:
        """Judge ``criteria`` once."""
        from labgrader.grading.snapshot import Snapshot

        return self._runner().run(criteria, Snapshot(self.cluster), self.info, listener).report

    def trace(self, criteria: Sequence[Criterion]) -> Run:
        """Judge ``criteria`` once; return also what each check read, and what that rests on."""
        from labgrader.grading.snapshot import Snapshot

        view = Snapshot(self.cluster, lasting=True)
        return self._runner().run(criteria, view, self.info, lambda event: None)

    def results(self, names: Sequence[str]) -> tuple[CheckResult, ...]:
        """Judge the named criteria once. Raises ``UsageError`` where there is no such one."""
        report = self.grade(self.catalog.select(names), lambda event: None)
        return tuple(report.checks)

    def live(
        self,
        criteria: Sequence[Criterion],
        listener: Listener,
        *,
        on_link: Callable[[LabError | None], None] = lambda error: None,
        on_change: Callable[[Change], None] = lambda change: None,
    ) -> Live:
        """Return a grading that goes on; call its ``run``."""
        from labgrader.grading.live import Live

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
        from labgrader.grading.runner import Runner
        from labgrader.grading.scheduler import Limits

        return Runner(
            self.catalog.lab,
            self.catalog.checks,
            capabilities=self.capabilities,
            limits=self.limits or Limits(),
            services=self._services(),
        )

    def _services(self) -> CheckServices:
        """Return what checks of this cluster can use; the lab's own one records what was done."""
        from labgrader.clusters.kubectl import Kubectl
        from labgrader.clusters.rule_evaluator import PROMETHEUS
        from labgrader.grading.services import CheckServices

        record = None
        if self.target.provider == "embedded":
            from labgrader.clusters.embedded.audit_log import AuditRecord
            from labgrader.clusters.embedded.layout import ClusterLayout

            root = self.target.kubeconfig.parent
            layout = ClusterLayout(root.name, root)
            record = AuditRecord(layout.audit_log, layout.audit_policy)
        return CheckServices(
            containers=self._pods,
            record=record,
            may_write=self._may_write,
            judge=PROMETHEUS,
            kubectl=Kubectl(self.target, self.cluster.marks),
        )

    @property
    def _may_write(self) -> bool:
        """Whether checks may make temporary objects on the chosen cluster."""
        return not self.read_only and self.agreed

    @property
    def agreed(self) -> bool:
        """Whether the lab may write to the chosen cluster without asking."""
        from labgrader.clusters import target as targets

        return targets.has_consent(self.target, self.connection.host)

    @property
    def place(self) -> str:
        """Name the chosen cluster and its context, for questions."""
        context, target = self.connection.context, self.target
        if not target.owned:
            return f"the cluster {self.connection.host} (context {context})"
        return f"the cluster {target.provider}/{target.name} (context {context})"

    @property
    def runs_containers(self) -> bool:
        """Whether the chosen cluster has nodes that do what a Pod says (and not only say so)."""
        from labgrader.grading import capabilities
        from labgrader.grading.snapshot import Snapshot

        return capabilities.CONTAINERS in capabilities.offered(Snapshot(self.cluster))

    def capabilities(self, snapshot: Snapshot) -> frozenset[str]:
        """Return what the chosen cluster offers to checks."""
        from labgrader.grading import capabilities

        return capabilities.offered(snapshot) | (
            {capabilities.WRITES} if self._may_write else set()
        )
