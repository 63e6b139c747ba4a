"""A small lab whose reasons, fixes, hints and solutions hold strings found nowhere else."""

from __future__ import annotations

from pathlib import Path

PLANTED = {
    name: f"zq{name}zq"
    for name in (
        "reason",
        "expected",
        "actual",
        "fix",
        "evidence",
        "item",
        "why",
        "hint",
        "mistake",
        "erratum",
        "lesson",
        "snippet",
        "solution",
        "question",
        "drill",
        "training",
    )
}
"""What each kind of planted string is called, and the string."""

_MANIFEST = """\
format: 1
version: "1"
points: 20
id: planted
title: A planted lab
namespace: planted
"""

_TASK = """
title: The only task
budget_seconds: 360
story: A story.
steps:
  - title: The only step
    instructions: Make a ConfigMap.
    solution: [10-it.yaml]
    snippets:
      - title: A snippet
        language: bash
        body: kubectl create {snippet}
    errata:
      - id: E1
        text: The text says {erratum}
        lesson: Learn {lesson}
    criteria:
      - id: it_exists
        check: it_exists
        title: The ConfigMap exists
        points: 20
        hints: ["Try {hint}"]
        mistakes:
          - when: zqreason
            hint: Do not {mistake}
"""
_CHECK = '''
"""Planted."""

from collections.abc import Iterator

from labgrader.api import Context, Evidence, Fact, check, fact


@check()
def it_exists(ctx: Context) -> Iterator[Fact]:
    """Looks at {why}."""
    yield fact(
        "{item}",
        False,
        reason="It is {reason}",
        expected="{expected}",
        actual="{actual}",
        fix="{fix}",
        evidence=[Evidence("ConfigMap", "data", "{evidence}")],
    )
    yield fact("other {item}", False, reason="also {reason}", fix="{fix}")
'''
_QUIZ = """
title: A concept
tasks: [task1]
questions:
  - id: one
    kind: answer
    ask: Is it {question}?
    options:
      - text: Yes {question}
        right: true
      - text: No
    explanation: Because {question}
    docs: [https://kubernetes.io]
"""
_DRILL = """
title: A drill {drill}
caught_by: [it_exists]
story: Something {drill}
hints: ["{drill}"]
lesson: Learn {drill}
changes:
  - create: {{apiVersion: v1, kind: ConfigMap, metadata: {{name: extra}}}}
docs: [https://kubernetes.io]
"""
_LESSON = """
title: Training {training}
measure: workers
text: Train {training}
docs: [https://kubernetes.io]
"""


def plant(root: Path) -> Path:
    """Write the lab under ``root`` and return it."""
    files = {
        "tasks/lab.yaml": _MANIFEST,
        "tasks/task1-it.yaml": _TASK,
        "tasks/quiz/concept.yaml": _QUIZ,
        "tasks/drills/broken.yaml": _DRILL,
        "tasks/lessons/1-training.yaml": _LESSON,
        "checks/it_exists.py": _CHECK,
        "solutions/reset.yaml": "[]\n",
        "solutions/task-1/10-it.yaml": (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: it}}\ndata: {{key: {solution}}}\n"
        ),
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(**PLANTED) if "{" in text else text, encoding="utf-8")
    return root


def found_in(text: str) -> set[str]:
    """Return which kinds of planted strings are in ``text``."""
    return {name for name, planted in PLANTED.items() if planted in text}
