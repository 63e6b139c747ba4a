"""The learner's own shell, pointed at the lab's cluster. What it is made of: ``shell.subshell``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from labgrader.app.workbench import Workbench
from labgrader.errors import LabError
from labgrader.learning.sessions.prompt_clock import line_now
from labgrader.learning.sessions.sessions import Sessions
from labgrader.shell import subshell
from labgrader.shell.subshell import Place

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
    subshell.run(where, environ, _clock(workbench))


def place(workbench: Workbench) -> Place:
    """Return what the shell of the chosen cluster is opened on."""
    target = workbench.target
    folder = target.kubeconfig.parent.name
    label = "lab" if not target.owned or folder == "default" else f"lab:{folder}"
    space = workbench.catalog.lab.namespace
    return Place(target.kubeconfig, target.context, space, label, target.files)


def _clock(workbench: Workbench) -> Callable[[], str]:
    """Return what tells how the time of the session on this cluster stands, if there is one."""
    lab = workbench.catalog.lab
    all_sessions = Sessions(lab=lab.id)
    try:
        context = workbench.connection.context
    except LabError:  # a kubeconfig that cannot be read: kubectl will say so, and better
        return str
    return lambda: line_now(all_sessions, lab, context)


def _greeting(where: Place) -> str:
    context = f", context {where.context}" if where.context else ""
    return f"kubectl (k) uses {where.kubeconfig}{context}; its namespace is {where.namespace}."
