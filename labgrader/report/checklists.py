"""Checklists and the exam's domains, as text and as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labgrader.model.checklist import Share, State, Ticked
from labgrader.report.as_json import number

VERSION = 1
MARKS = {State.DONE: "[x]", State.NOT_YET: "[ ]", State.UNJUDGED: "[?]"}


def as_text(checklists: Sequence[Ticked], domains: Sequence[Share]) -> str:
    """Return one line for each item and each domain; every state is a mark and a word."""
    lines = []
    for one in checklists:
        done = sum(item.state is State.DONE for item in one.items)
        lines.append(f"{one.title}: {done} of {len(one.items)} done")
        for item in one.items:
            because = f" ({item.state.value}: {', '.join(item.because)})" if item.because else ""
            lines.append(f"  {MARKS[item.state]} {item.text}{because}")
        lines.append("")
    lines.append("What of it the CKA exam asks for (weight in the exam: points of the lab)")
    for share in domains:
        withheld = f", {number(share.withheld)} not judged" if share.withheld else ""
        lines.append(f"  {share.title} ({share.weight} %): {_points(share)}{withheld}")
        lines.extend(f"    {topic}" for topic in share.topics)
    return "\n".join(lines) + "\n"


def as_data(checklists: Sequence[Ticked], domains: Sequence[Share]) -> dict[str, Any]:
    """Return the same as plain data (``schemas/checklist.schema.json``)."""
    return {
        "schema_version": VERSION,
        "checklists": [
            {
                "id": one.id,
                "title": one.title,
                "items": [
                    {
                        "text": item.text,
                        "state": item.state.name.lower(),
                        "because": list(item.because),
                    }
                    for item in one.items
                ],
            }
            for one in checklists
        ],
        "exam": [
            {
                "domain": share.title,
                "weight": share.weight,
                "earned": number(share.earned),
                "possible": number(share.possible),
                "withheld": number(share.withheld),
            }
            for share in domains
        ],
    }


def _points(share: Share) -> str:
    percent = f" ({share.earned / share.possible:.0%})" if share.possible else ""
    return f"{number(share.earned)} of {number(share.possible)} points{percent}"
