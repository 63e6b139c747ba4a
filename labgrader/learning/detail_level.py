"""Detail levels of a step: everything, a manifest with gaps, or requirements alone.

The manifest with gaps is made from the step's part of the solution (``solutions/task-N``), so it
cannot drift away from what is right.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from labgrader.content.lab_folder import LabFolder
from labgrader.lab_state.solver import ACTS
from labgrader.model.modes import Level
from labgrader.model.task import Lab, Snippet, Step, Task
from labgrader.util.bounded_yaml import read_text

BLANK = "_____"
"""What stands in a gap. It is a valid YAML text, so kubectl says what is wrong with it."""

_VALUE = r"""(\[[^\]\n]*\]|\{[^}\n]*\}|"[^"\n]*"|'[^'\n]*'|[^\s,}\]#][^,}\]\n#]*)"""


def shown(lab: Lab, task: Task, step: Step, level: Level) -> tuple[Snippet, ...]:
    """Return the pieces to type that a step shows at ``level``.

    Raises:
        ContentError: a file of the solution cannot be read.
    """
    match level:
        case Level.GUIDED:
            return step.snippets
        case Level.EXAM:
            return ()
    if not step.gaps:
        return step.snippets
    return tuple(
        Snippet(f"Fill the gaps: {one.title}", "yaml", with_gaps(one.body, step.gaps))
        for one in solution_of(lab, task, step)
        if with_gaps(one.body, step.gaps) != with_gaps(one.body, ())
    )


def solution_of(lab: Lab, task: Task, step: Step) -> tuple[Snippet, ...]:
    """Return the step's part of the reference solution, a file each; none for what is only done.

    Raises:
        ContentError: a file cannot be read.
    """
    folder = LabFolder(lab.root).solution(task.id)
    names = [name for name in step.solution if not name.endswith(ACTS)]
    return tuple(Snippet(Path(name).name, "yaml", read_text(folder / name)) for name in names)


def with_gaps(text: str, fields: Sequence[str]) -> str:
    """Return a manifest without the values of ``fields``; comments go too: they tell too much."""
    kept = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    text = "\n".join(kept) + "\n"
    for field in fields:
        text = re.sub(rf"(?<![\w.-])({re.escape(field)}:[ \t]+){_VALUE}", rf"\1{BLANK}", text)
    return text
