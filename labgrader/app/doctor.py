"""Reports what this machine and cluster can grade: for `labgrader doctor` and the welcome."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labgrader.app.workbench import Workbench
from labgrader.errors import LabError
from labgrader.report.clean import one_line

if TYPE_CHECKING:
    from labgrader.grading.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Examination:
    """One fact a line; ``complete`` is whether every point of the lab can be judged here."""

    lines: tuple[str, ...]
    complete: bool


def examine(workbench: Workbench) -> Examination:
    """Look at the machine and at the chosen cluster, which need not answer."""
    from labgrader.grading.snapshot import Snapshot

    lines = list(_machine())
    try:
        target = workbench.target
        snapshot = Snapshot(workbench.cluster)
        workbench.cluster.version()
    except LabError as error:
        lines.append(f"cluster: none that answers: {one_line(error)}")
        lines.append("gradable: 0 points until there is a cluster")
        return Examination(tuple(lines), complete=False)
    info = workbench.info(snapshot)
    lines.append(f"cluster: {info.context} ({target.provider}), Kubernetes {info.server_version}")
    lines.append(f"nodes: {info.nodes}")
    lines += _unrecorded(workbench)
    gradable = list(_gradable(workbench, snapshot))
    return Examination((*lines, *gradable), complete=len(gradable) == 1)


def _unrecorded(workbench: Workbench) -> Iterator[str]:
    """Yield a line for each lab of which the lab's own cluster does not record everything."""
    if workbench.target.provider != "embedded":
        return
    from labgrader.clusters.embedded.audit_log import unrecorded
    from labgrader.clusters.embedded.layout import ClusterLayout
    from labgrader.content.installed_labs import usable_labs

    root = workbench.target.kubeconfig.parent
    policy = ClusterLayout(root.name, root).audit_policy
    if not policy.is_file():
        return
    labs = {one.manifest.id: one.manifest for one in [*usable_labs(), workbench.pack]}
    for manifest in labs.values():
        if unrecorded(policy, manifest):
            yield (
                f"record: what is done for the lab {manifest.id} is not recorded: it was installed"
                " after this cluster was started; `labgrader cluster down`, then `up`"
            )


def _machine() -> Iterator[str]:
    yield f"machine: {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    try:
        from labgrader.clusters.embedded.binary import kube_binary

        yield f"embedded Kubernetes: {kube_binary()}"
    except LabError as error:
        yield f"embedded Kubernetes: no: {one_line(error)}"
    from labgrader.clusters.embedded.nodes import images, requirements

    obstacles = requirements.find()
    lacking = str(obstacles) or ("" if images.built() else "the lab's images are not built")
    yield f"real nodes: {f'no: {lacking}' if lacking else 'possible (cluster up --nodes real)'}"
    for tool, use in (("kubectl", "your own kubectl"), ("kind", "--provider kind")):
        found = shutil.which(tool)
        yield f"{tool}: {found or f'not on the PATH (only needed for {use})'}"


def _gradable(workbench: Workbench, snapshot: Snapshot) -> Iterator[str]:
    """Yield the highest score that can be reached here, then what the rest would take."""
    from labgrader.content.gradable import gradable
    from labgrader.grading import capabilities

    found = gradable(workbench.catalog, workbench.capabilities(snapshot))
    yield f"gradable: {found.points} of {found.total} points"
    for capability, ids in sorted(found.lacking.items()):
        yield f"  no {capability}, which these need: {', '.join(ids)}"
        yield f"    {capabilities.why_not(capability)[1]}"
