"""``labgrader demo``: the whole story without a terminal, on a cluster of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import rich_click as click

from labgrader.app.workbench import Workbench
from labgrader.cli import local_operator
from labgrader.cli.consent import ask_to_write
from labgrader.cli.options import workbench_options
from labgrader.content.lab_folder import LabFolder
from labgrader.errors import Cause, ExitCode, LabError, UsageError
from labgrader.grading.events import Event
from labgrader.kube.resources import Object
from labgrader.kube.rest_mapper import RestMapper
from labgrader.lab_state.reset import Reset
from labgrader.lab_state.solver import Solver
from labgrader.model.result import Outcome, Report
from labgrader.report.as_json import number
from labgrader.report.clean import one_line
from labgrader.util.bounded_yaml import read_documents


@click.command()
@click.option("--yes", is_flag=True, help="Agree to a demo on a cluster of your own.")
@click.option(
    "--nodes",
    type=click.Choice(["simulated", "real", "auto"]),
    default="auto",
    show_default=True,
    help="What the demo's own cluster runs.",
)
@click.option("--keep", is_flag=True, help="Leave the demo's cluster running.")
@workbench_options
def demo(workbench: Workbench, yes: bool, nodes: str, keep: bool) -> int:
    """Tell the lab's story: empty, solved, broken, mended, reset. Exit code 0 when it holds."""
    with _cluster(workbench, nodes, keep=keep) as bench:
        ask_to_write(bench, "play the demo", yes=yes)
        story = _Story(bench)
        with ExitStack() as beside:
            story.empty()
            story.solve(beside)
            story.breaks()
            story.reset()
    click.echo(f"\n{'The story holds' if not story.wrong else 'The story does NOT hold'}.")
    for line in story.wrong:
        click.echo(f"  {line}")
    return ExitCode.FAILED if story.wrong else ExitCode.OK


@contextmanager
def _cluster(workbench: Workbench, nodes: str, *, keep: bool) -> Iterator[Workbench]:
    """Give the named cluster, or one that lives as long as the demo."""
    choice = workbench.choice
    if choice.kubeconfig or choice.context:
        yield workbench
        return
    from labgrader.clusters import throwaway

    click.echo("1. A Kubernetes cluster of its own")
    began = time.monotonic()

    def progress(component: str, text: str) -> None:
        click.echo(f"   {component}: {text}")

    with throwaway.cluster("demo", nodes, progress, workbench.pack.manifest, keep=keep) as status:
        click.echo(f"   Kubernetes {status.server_version}, {time.monotonic() - began:.1f} s")
        yield Workbench(choice.at(str(status.kubeconfig)), workbench.limits, workbench.tell)


class _Story:
    """The chapters; what did not go as told is collected in ``wrong``."""

    def __init__(self, workbench: Workbench) -> None:
        self.wrong: list[str] = []
        self._workbench = workbench
        self._root = workbench.catalog.lab.root
        self._operator = workbench.pack.manifest.operator
        # Without containers the operator runs beside us; without its libraries none does.
        self._outside = not workbench.runs_containers and local_operator.can_run(self._operator)
        by_hand = not workbench.runs_containers and not self._outside
        self._solver = Solver(workbench.cluster, self._root, _nothing, manual=by_hand)

    def empty(self) -> None:
        """Nothing done, nothing earned."""
        reset = Reset(self._workbench.cluster, self._root, _nothing)
        if reset.plan():
            raise UsageError(
                "The demo wants an empty lab, and this cluster holds objects of it",
                "Run `labgrader reset`, or the demo without --context: it brings its own cluster",
            )
        click.echo("\n2. The empty cluster")
        report = self._grade()
        self._expect(report.score.earned == 0, "an empty cluster earned points")
        unjudged = [
            check.id
            for check in report.checks
            if check.outcome is Outcome.ERROR and check.cause is not Cause.CAPABILITY
        ]
        self._expect(not unjudged, f"not judged on the empty cluster: {', '.join(unjudged)}")

    def solve(self, beside: ExitStack) -> None:
        """The reference solution earns everything.

        Args:
            beside: keeps what must go on until the end of the story.
        """
        click.echo("\n3. The reference solution")
        if self._operator and self._outside:
            click.echo("   no containers run here: the operator works from outside the cluster")
            for task in self._workbench.catalog.lab.before(self._operator.task):
                self._solver.solve(task)
            beside.enter_context(local_operator.operator(self._workbench))
        self._solve()
        report = self._grade()
        score = report.score
        self._expect(
            score.earned == score.possible - score.withheld,
            f"the solution earned {score.earned} of {score.possible} points",
        )
        for check in report.checks:
            if check.outcome is Outcome.ERROR:
                click.echo(f"   not judged here: {check.id}: {one_line(check.reason)}")

    def breaks(self) -> None:
        """Every planted fault is caught by the check that is there for it."""
        click.echo("\n4. Faults are caught")
        for entries in read_documents(LabFolder(self._root).faults):
            for entry in entries:
                self._break(entry)

    def reset(self) -> None:
        """Nothing is left."""
        click.echo("\n5. Reset")
        residue = Reset(self._workbench.cluster, self._root, _tell).run()
        self._expect(not residue, f"left behind: {'; '.join(residue.lines)}")
        report = self._grade()
        self._expect(report.score.earned == 0, "points were left after the reset")

    def _break(self, entry: dict[str, Any]) -> None:
        cluster = self._workbench.cluster
        resource = RestMapper(cluster).find(entry["apiVersion"], entry["kind"])
        if resource is None:
            raise LabError(f"The API server serves no {entry['kind']}, which the demo breaks")
        patch: list[Object] = entry["json_patch"]
        cluster.patch(resource, entry["name"], patch, entry.get("namespace"))
        caught_by = entry["caught_by"]
        report = self._workbench.grade(self._workbench.catalog.select([caught_by]), _nobody)
        found = next(check for check in report.checks if check.id == caught_by)
        caught = found.outcome is Outcome.FAILED
        click.echo(f"   {one_line(entry['title'])}: {caught_by} {found.outcome.value}")
        click.echo(f"     {one_line(found.reason)}")
        self._expect(caught, f"{caught_by} did not catch: {entry['title']}")
        tasks = self._workbench.catalog.lab.tasks
        broken = next(t.id for t in tasks if caught_by in {c.id for c in t.criteria()})
        self._solver.solve(broken)

    def _solve(self) -> None:
        for task in self._workbench.catalog.lab.tasks:
            self._solver.solve(task.id)

    def _grade(self) -> Report:
        criteria = self._workbench.catalog.select(["all"])
        report = self._workbench.grade(criteria, _nobody)
        score = report.score
        click.echo(
            f"   {number(score.earned)} of {number(score.possible)} points,"
            f" {report.duration_ms} ms, {report.api_requests} requests"
        )
        return report

    def _expect(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.wrong.append(otherwise)
            click.echo(f"   NOT AS TOLD: {one_line(otherwise)}")


def _nobody(event: Event) -> None:
    """Listen to nothing."""


def _nothing(line: str) -> None:
    """Say nothing."""


def _tell(line: str) -> None:
    click.echo(f"   {one_line(line)}")
