"""The cases of a test session, tried in batches: whichever test comes first tries a whole batch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from labgrader.author.batches import Batch
from labgrader.author.case_result import CaseResult
from labgrader.author.case_runner import CaseRunner
from labgrader.author.cases import Case


class Answers:
    """The proofs of cases, by the case; in any order.

    Args:
        groups: cases that may share batches.
    """

    def __init__(self, runner: CaseRunner, groups: Iterable[Sequence[Case]]) -> None:
        self._ground = runner
        self._batches: dict[str, Batch] = {}
        self._case_results: dict[str, CaseResult] = {}
        for group in groups:
            for batch in runner.batches([case for case in group if not runner.lacks(case)]):
                self._batches |= dict.fromkeys((reach.case.name for reach in batch), batch)

    def case_result(self, case: Case) -> CaseResult:
        """Return what is known of a case; try its whole batch where nothing is."""
        if case.name not in self._case_results:
            for case_result in self._ground.run_together(self._batches[case.name]):
                self._case_results[case_result.case.name] = case_result
        return self._case_results[case.name]


def selected(request: pytest.FixtureRequest) -> list[Case]:
    """Return the cases that this session tests, of the module that requests it."""
    found: list[Any] = [
        item.callspec.params["case"]
        for item in request.session.items
        if isinstance(item, pytest.Function)
        and item.module is request.module
        and hasattr(item, "callspec")
        and "case" in item.callspec.params
    ]
    return found
