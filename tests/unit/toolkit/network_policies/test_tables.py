"""What the documentation says, as tables: policies, questions, and the answers by its rules.

The answers were derived from the rules by hand. Each is tried as written, with the policies in the
opposite order, and among policies of other namespaces.
"""

from __future__ import annotations

from collections import Counter

import pytest

from labgrader.toolkit.network_policies.answers import Verdict
from labgrader.toolkit.network_policies.evaluator import NetworkPolicies
from tests.unit.toolkit.network_policies import tables

CASES = list(tables.cases())
ROWS = [(case, written, answer) for case in CASES for written, answer in case.answers.items()]
ELSEWHERE = [
    {"metadata": {"name": f"deny-{number}", "namespace": f"other-{number}"}, "spec": {}}
    for number in range(3)
]


@pytest.mark.parametrize(
    ("case", "written", "answer"),
    [pytest.param(*row, id=f"{row[0].name}: {row[1]}") for row in ROWS],
)
def test_the_answer_follows_from_the_rule(case: tables.Case, written: str, answer: str) -> None:
    question = tables.question(written)
    for policies in (case.policies, case.policies[::-1], [*ELSEWHERE, *case.policies]):
        found = NetworkPolicies(policies).answer(question)
        assert found.verdict == answer, f"{case.rule}\n{found}"
        assert found.allowed is {"allowed": True, "denied": False}.get(answer)


def test_the_tables_are_there_and_hold_all_three_answers() -> None:
    """A table that is not read any more would otherwise pass."""
    assert len(ROWS) >= 150
    found = Counter(answer for _, _, answer in ROWS)
    assert set(found) == set(Verdict)
    assert min(found.values()) >= 30
    asked = {end for _, written, _ in ROWS for end in tables.QUESTION.match(written).group(1, 2)}
    assert asked == set(tables.peers())
    assert all(case.rule and case.answers for case in CASES)
    assert len({case.name for case in CASES}) == len(CASES)


def test_a_whole_table_is_answered_in_its_order() -> None:
    case = next(case for case in CASES if case.name == "selectors: the selectors in two items")
    questions = [tables.question(written) for written in case.answers]
    answers = NetworkPolicies(case.policies).answers(questions)
    assert [answer.question for answer in answers] == questions
    assert [answer.verdict for answer in answers] == list(case.answers.values())
