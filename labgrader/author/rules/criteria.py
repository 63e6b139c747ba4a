"""Rules for criteria and the checks that judge them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from labgrader.author.content import Content, place_of
from labgrader.author.reading import Finding, texts
from labgrader.author.schema_rules import UNFINISHED

HINTS = 2


def ids(content: Content) -> Iterator[Finding]:
    """Ids are unique; a criterion needs only what stands above it."""
    seen: dict[str, str] = {}
    all_known = not content.partial_tasks
    for entry in content.criteria:
        if entry.id in seen:
            what = f"the id {entry.id} is used already in {seen[entry.id]}"
            yield entry.finding("ids", "id", what, "Rename one of them")
        for need in texts(entry.data, "needs"):
            if need not in seen and all_known:
                what = f"{entry.id} needs {need}, which no criterion before it is called"
                fix = "A criterion can need only what stands above it"
                yield entry.finding("needs", "needs", what, fix)
        seen[entry.id] = entry.document.path.name


def checks_named(content: Content) -> Iterator[Finding]:
    """The check of a criterion exists and takes the parameters that it is given."""
    checks = {check.id: check for check in content.checks}
    for entry in content.criteria:
        check = checks.get(entry.check)
        if check is None and content.may_declare(entry.check):
            continue  # the finding is that the file does not load
        if check is None:
            what = f"{entry.id} is judged by the check {entry.check}, which does not exist"
            fix = f"`labgrader author new check {entry.check}`; there are: {', '.join(checks)}"
            yield entry.finding("check", "check" if "check" in entry.data else "id", what, fix)
            continue
        given = entry.data.get("with") or {}
        if not isinstance(given, dict):
            continue  # the form says so
        allowed, required = check.parameters()
        takes = f"{check.id} takes: {', '.join(sorted(allowed)) or 'none'}"
        for name in sorted(set(given) - allowed):
            yield entry.finding("parameters", "with", f"{entry.id}: unknown {name}", takes)
        for name in sorted(required - set(given)):
            yield entry.finding("parameters", "with", f"{entry.id}: {name} is missing", takes)


def teaching(content: Content) -> Iterator[Finding]:
    """Each criterion has two hints, rising, and a page to read."""
    for entry in content.criteria:
        hints, docs = texts(entry.data, "hints"), texts(entry.data, "docs")
        if len(hints) < HINTS:
            what = f"{entry.id} has {len(hints)} hints"
            fix = f"Write {HINTS} or more: where to look first, what to type last"
            yield entry.finding("hints", "hints", what, fix)
        if len(set(hints)) < len(hints):
            yield entry.finding("hints", "hints", f"{entry.id} gives a hint twice", "Drop one")
        if not docs:
            yield entry.finding("docs", "docs", f"{entry.id} names no page to read", "Add docs:")
        for page in docs:
            if not page.startswith("https://"):
                what = f"{entry.id}: {page} is no https:// link"
                yield entry.finding("docs", "docs", what, "Name the page in full")


def checks_declared(content: Content) -> Iterator[Finding]:
    """A check has one name and a docstring, and some criterion uses it."""
    used = {entry.check for entry in content.criteria}
    seen: dict[str, Path] = {}
    for check in content.checks:
        path, line = place_of(check)
        if not check.why:
            what = f"the check {check.id} has no docstring"
            fix = "Say in it what the check looks at and why; learners read it"
            yield Finding(path, line, "docstring", what, fix)
        if UNFINISHED.search(check.why):
            what = f"TODO: the docstring of {check.id} is still the skeleton's"
            yield Finding(path, line, "docstring", what, "Say what it looks at and why")
        if check.id in seen:
            what = f"the check {check.id} is also declared in {seen[check.id].name}"
            yield Finding(path, line, "ids", what, "Rename one of them")
        if check.id not in used and not content.partial_tasks:
            what = f"no criterion uses the check {check.id}"
            yield Finding(path, line, "orphan", what, "Name it in a task, or remove it")
        seen[check.id] = path


RULES = (ids, checks_named, teaching, checks_declared)
