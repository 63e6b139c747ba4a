"""``labgrader doctor``: what this machine and cluster can grade, and what the rest would take."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterator

import rich_click as click

from labgrader.cli.options import workbench_options
from labgrader.engine import survey
from labgrader.engine.snapshot import Snapshot
from labgrader.model.errors import ExitCode, LabError
from labgrader.report.clean import one_line
from labgrader.workbench import Workbench


@click.command()
@workbench_options
def doctor(workbench: Workbench) -> int:
    """Say what can be graded here, and what would have to change for the rest.

    Exit code 0: everything can be graded; 3: something cannot, and it is named.
    """
    for line in _machine():
        click.echo(line)
    try:
        target = workbench.target
        snapshot = Snapshot(workbench.cluster)
        workbench.cluster.read("/version")
    except LabError as error:
        click.echo(f"cluster: none that answers: {one_line(error)}")
        click.echo("gradable: 0 points until there is a cluster")
        return ExitCode.UNJUDGED
    info = workbench.info(snapshot)
    click.echo(f"cluster: {info.context} ({target.provider}), Kubernetes {info.server_version}")
    click.echo(f"nodes: {info.nodes}")
    return _gradable(workbench, snapshot)


def _machine() -> Iterator[str]:
    yield f"machine: {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    try:
        from labgrader.cluster.embedded.binary import kube_binary

        yield f"embedded Kubernetes: {kube_binary()}"
    except LabError as error:
        yield f"embedded Kubernetes: no: {one_line(error)}"
    from labgrader.cluster.embedded.nodes import images, requirements

    obstacles = requirements.find()
    lacking = str(obstacles) or ("" if images.built() else "the lab's images are not built")
    yield f"real nodes: {f'no: {lacking}' if lacking else 'possible (cluster up --nodes real)'}"
    for tool, use in (("kubectl", "your own kubectl"), ("kind", "--provider kind")):
        found = shutil.which(tool)
        yield f"{tool}: {found or f'not on the PATH (only needed for {use})'}"


def _gradable(workbench: Workbench, snapshot: Snapshot) -> int:
    """Say the highest score that can be reached here."""
    found = survey.reach(workbench.catalog, workbench.capabilities(snapshot))
    click.echo(f"gradable: {found.points} of {found.total} points")
    for capability, ids in sorted(found.lacking.items()):
        click.echo(f"  no {capability}, which these need: {', '.join(ids)}")
        click.echo(f"    {survey.why_not(capability)[1]}")
    return ExitCode.UNJUDGED if found.lacking else ExitCode.OK
