"""The learner's own shell, pointed at the lab's cluster. What it is made of: ``cluster.shell``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from labgrader.cluster import shell
from labgrader.cluster.shell import Place
from labgrader.model.errors import LabError
from labgrader.session.presence import Presence
from labgrader.workbench import Workbench

DENIED = "LABGRADER_NO_SHELL"
"""Set in the lab's environment, this variable keeps it from opening shells (`labgrader serve`)."""


def run(workbench: Workbench, environ: Mapping[str, str] = os.environ) -> None:
    """Run the shell until its ``exit``; the terminal must be the shell's alone meanwhile.

    Raises:
        LabError: no shell may be opened here, or there is none that could be started.
    """
    where = place(workbench)
    if environ.get(DENIED):
        raise LabError(
            "A shell in the browser is off",
            "Allow it: `labgrader serve --allow-shell`; or in a terminal: "
            f"export KUBECONFIG={where.kubeconfig}",
        )
    print(f"\n{_greeting(where)}\n`exit` goes back.\n")  # noqa: T201
    shell.run(where, environ)


def place(workbench: Workbench) -> Place:
    """Return what the shell of the chosen cluster is opened on."""
    target = workbench.target
    folder = target.kubeconfig.parent.name
    label = "lab" if not target.owned or folder == "default" else f"lab:{folder}"
    namespace = workbench.catalog.lab.namespace
    return Place(target.kubeconfig, target.context, namespace, label, _clock(workbench))


def _clock(workbench: Workbench) -> Path | None:
    """Return the file with the time of the lab that is open on this cluster, if one is."""
    try:
        return Presence(workbench.connection.host).clock
    except LabError:  # a kubeconfig that cannot be read: kubectl will say so, and better
        return None


def _greeting(where: Place) -> str:
    context = f", context {where.context}" if where.context else ""
    return f"kubectl (k) uses {where.kubeconfig}{context}; its namespace is {where.namespace}."
