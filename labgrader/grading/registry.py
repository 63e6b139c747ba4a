"""Declares checks: the ``check`` decorator. How check files are loaded is in ``content``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from labgrader.grading.findings import Fact

CheckFunction = Callable[..., Iterable[Fact] | None]
"""``judge(context, **parameters)``: yields facts, or raises ``Failure``."""


@dataclass(frozen=True, slots=True)
class Check:
    """A declared check: the function, its words, and what it needs from the cluster.

    ``id`` is the function's name; ``why`` its docstring: what it looks at and why it matters.
    """

    id: str
    judge: CheckFunction
    why: str
    capabilities: tuple[str, ...] = ()
    source: str = ""
    seconds: float | None = None

    @property
    def takes_anything(self) -> bool:
        """Whether nothing is known of its parameters: it stands in for one that did not load."""
        kinds = {p.kind for p in inspect.signature(self.judge).parameters.values()}
        return inspect.Parameter.VAR_KEYWORD in kinds

    def parameters(self) -> tuple[set[str], set[str]]:
        """Return the names of all parameters and of those that must be given."""
        given = list(inspect.signature(self.judge).parameters.values())[1:]
        names = {p.name for p in given}
        return names, {p.name for p in given if p.default is p.empty}


def check(
    *, capabilities: Iterable[str] = (), seconds: float | None = None
) -> Callable[[CheckFunction], Check]:
    """Declare the decorated function to be a check.

    Args:
        capabilities: what the cluster must offer, e.g. ``("containers",)``; where it does not, the
            check is ``error: capability`` and is not called.
        seconds: how long it may take, where that is longer than what a check has by default: only
            for one that must watch something happen.
    """

    def declare(judge: CheckFunction) -> Check:
        source = inspect.getsourcefile(judge) or ""
        why = inspect.cleandoc(judge.__doc__ or "")
        return Check(judge.__name__, judge, why, tuple(capabilities), source, seconds)

    return declare
