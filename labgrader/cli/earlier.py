"""What a solved task rests on: objects of earlier tasks, which are the learner's own.

A solution is applied to what is there. Where a check of it still fails, and looked at an object
that an earlier task makes, that task is named.
"""

from __future__ import annotations

from collections.abc import Sequence

from labgrader.app.workbench import Workbench
from labgrader.errors import LabError
from labgrader.grading.events import Event
from labgrader.kube.resources import Resource, dig, name_of
from labgrader.lab_state.solver import Solver
from labgrader.model.result import CheckResult, Outcome, TaskResult


def resting_on(workbench: Workbench, solved: Sequence[str]) -> list[str]:
    """Return one line for each earlier task because of which a solved one does not pass.

    Checks everything once, without writing; nothing where no earlier task was left out, or where
    that is not possible.
    """
    known = [task.id for task in workbench.catalog.lab.tasks]
    before = [one for one in known if solved and known.index(one) < known.index(solved[-1])]
    own = [one for one in before if one not in solved]
    if not own:
        return []
    workbench.read_only = True
    try:
        report = workbench.grade(workbench.catalog.select([*own, *solved]), _nothing)
    except LabError:  # the solution is applied, and `check` says what is wrong with the cluster
        return []
    results = {task.id: task for task in report.tasks}
    return [
        line
        for task_id in solved
        for line in _lines(
            workbench,
            results[task_id],
            [results[one] for one in own if known.index(one) < known.index(task_id)],
        )
    ]


def _lines(workbench: Workbench, task: TaskResult, own: list[TaskResult]) -> list[str]:
    """Return what keeps a solved task from passing, by earlier task; those that fail come alone."""
    failed = _failed(task)
    looked_at = {one.object for check in failed for one in check.evidence}
    blockers = {check.blocked_by for check in failed}
    found: dict[bool, list[str]] = {True: [], False: []}
    for base in own:
        objects = looked_at & _labels(workbench, base.id)
        what = objects or {check.id for check in base.checks if check.id in blockers}
        if what:
            wrong = ", ".join(check.id for check in _failed(base))
            state = f"does not pass ({wrong})" if wrong else "passes as it is"
            found[bool(wrong)].append(
                f"{task.id} does not pass ({', '.join(check.id for check in failed)}): it rests on"
                f" {base.id} ({', '.join(sorted(what))}), which {state}. Run"
                f" `labgrader check {base.id}`, or `labgrader solve {base.id}` first"
            )
    return found[True] or found[False]


def _failed(task: TaskResult) -> list[CheckResult]:
    return [
        check
        for check in task.checks
        if check.outcome in (Outcome.FAILED, Outcome.BLOCKED) and not check.optional
    ]


def _labels(workbench: Workbench, task_id: str) -> set[str]:
    """Return the names of what a task's solution makes, as checks name them."""
    root = workbench.catalog.lab.root
    solver = Solver(workbench.cluster, root, lambda line: None, manual=True)
    return {
        Resource("", "", "", str(manifest["kind"])).describe(
            name_of(manifest), dig(manifest, "metadata.namespace")
        )
        for _, manifest in solver.manifests(task_id)
    }


def _nothing(event: Event) -> None:
    """Listen to nothing."""
