"""Break-and-fix drills: a fault in a solved lab that a learner finds and mends."""

from __future__ import annotations

from dataclasses import dataclass

from labgrader.kube.resources import Object


@dataclass(frozen=True, slots=True)
class Drill:
    """One drill.

    ``changes`` break the lab (``lab_state.mutations``); the criteria in ``caught_by`` fail then,
    and pass when it is mended. ``story`` is all that the learner is told; ``hints`` are in rising
    order; ``lesson`` is for afterwards. ``containers`` says that the fault shows itself only where
    containers run.
    """

    name: str
    title: str
    story: str
    caught_by: tuple[str, ...]
    changes: tuple[Object, ...]
    hints: tuple[str, ...]
    lesson: str
    docs: tuple[str, ...]
    containers: bool = False
