"""Lints a lab's content: reports every violation, not only the first.

``content.validation`` stops at the first fault, because a grading cannot go on; an author wants
them all.
"""

from __future__ import annotations

from pathlib import Path

from labgrader.author.content import read_content
from labgrader.author.reading import Finding
from labgrader.author.rules import (
    cases,
    checklists,
    criteria,
    door,
    drills,
    quiz,
    solutions,
    steps,
    tasks,
    variants,
)


def lint(root: Path) -> tuple[list[Finding], list[str]]:
    """Return the findings by file and line, causes first, and what was not looked at."""
    findings, skipped = _lint(root)
    if not findings:  # a variant of what is wrong is wrong as well
        findings = list(variants.in_variants(root, lambda folder: _lint(folder)[0]))
    return findings, skipped


def _lint(root: Path) -> tuple[list[Finding], list[str]]:
    content = read_content(root)
    rules = [*tasks.RULES, *criteria.RULES, *solutions.RULES, *drills.RULES, *door.RULES]
    rules += [*steps.RULES, *quiz.RULES, *checklists.RULES, *variants.RULES]
    skipped = []
    if content.cases_folder.is_dir():
        rules += cases.RULES
    else:
        skipped.append(
            f"there is no {content.cases_folder}: whether checks are tested was not looked at"
        )
    findings = [finding for rule in rules for finding in rule(content)]
    if content.partial_tasks:
        names = ", ".join(path.name for path in content.partial_tasks)
        skipped.append(f"points, and names of criteria: {names} must be readable for that")
    causes = sorted(set(content.unreadable))
    return [*causes, *sorted(set(findings) - set(causes))], skipped
