"""What a failed check says, opened step by step: the reason, what was expected, the fix."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import NamedTuple

from textual.content import Content

from labgrader.model.result import CheckResult, Evidence, Item, Outcome
from labgrader.report.as_json import number
from labgrader.report.as_text import details
from labgrader.report.clean import one_line
from labgrader.tui import formatting
from labgrader.tui.state import MORE

_STEP = {"expected": 1, "actual": 1, "fix": 2, "erratum": 2}
"""From which step on a detail is shown; the reason always is."""

_WORDS = re.compile(r"[^\s,;:\[\]{}()]+|\s+|.")
_ALIKE = 0.3
"""Texts that share less than this are different altogether: marking words would only confuse."""


class Line(NamedTuple):
    """A label and what it says; long texts stay in their column."""

    label: Content
    text: Content


def findings(result: CheckResult, depth: int) -> Iterator[Line]:
    """Yield what a check has to say that did not pass, as far as it is opened."""
    if result.outcome is Outcome.PASSED:
        return
    for label, text in details(result):
        # "also" is left out: the items say it in full, and here is room to scroll
        if label != "also" and _STEP.get(label, 0) <= depth:
            yield _line(label, _style(label), _detail(label, text, result))
    if depth >= 1 and len(result.conditions) > 1:
        for item in (one for one in result.conditions if one.outcome is not Outcome.PASSED):
            yield from _item(item, result)
    if depth >= MORE:
        for found in result.evidence:
            yield _line("seen", formatting.MUTED, _evidence(found))
    elif result.outcome is not Outcome.BLOCKED:
        yield _line("", "", Content.styled(_NEXT[depth], formatting.MUTED))


_NEXT = ("d: what was expected, and what is there", "d: the smallest fix, and what was looked at")


def _style(label: str) -> str:
    return "bold $text-success" if label == "fix" else formatting.MUTED


def _detail(label: str, text: str, result: CheckResult) -> Content:
    """Return a detail; of expected and actual, the words that differ are underlined."""
    if label not in ("expected", "actual") or not (result.expected and result.actual):
        return Content(text)
    ours, theirs = one_line(result.expected), one_line(result.actual)
    pair = (ours, theirs) if label == "expected" else (theirs, ours)
    return difference(*pair)


def difference(text: str, other: str) -> Content:
    """Return ``text`` with the words underlined that ``other`` does not have there."""
    mine, yours = _WORDS.findall(text), _WORDS.findall(other)
    matcher = SequenceMatcher(None, mine, yours, autojunk=False)
    if text == other or matcher.ratio() < _ALIKE:
        return Content(text)
    parts: list[str | tuple[str, str]] = []
    for tag, start, end, _, _ in matcher.get_opcodes():
        piece = "".join(mine[start:end])
        parts.append(piece if tag == "equal" or not piece.strip() else (piece, "bold underline"))
    return Content.assemble(*parts)


def _item(item: Item, result: CheckResult) -> Iterator[Line]:
    mark = formatting.OUTCOMES[item.outcome]
    score = f" {number(item.earned)}/{number(item.points)} "
    name = Content.assemble(formatting.word(mark), (score, "bold"), formatting.foreign(item.name))
    yield Line(Content.assemble("item ", formatting.mark(mark)), name)
    if item.reason and not result.reason.startswith(item.reason):
        yield _line("", "", formatting.foreign(item.reason))


def _evidence(found: Evidence) -> Content:
    value = f" = {found.value}" if found.value else ""
    return formatting.foreign(f"{found.object} {found.path}{value}")


def _line(label: str, style: str, text: Content) -> Line:
    return Line(Content.styled(label, style), text)
