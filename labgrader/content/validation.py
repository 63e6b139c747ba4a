"""Validates content against the JSON Schema, and reports file, line and fix."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

from labgrader.errors import ContentError
from labgrader.grading.registry import Check
from labgrader.model.task import Criterion, Lab, points_of
from labgrader.util.bounded_yaml import not_readable, not_yaml, read_text

SCHEMA = Path(__file__).parent.parent / "schemas" / "task.schema.json"


def explain(manifest: Path, files: Iterable[Path]) -> None:
    """Raise ``ContentError`` for the first thing that the schema finds wrong, if any."""
    for path in [manifest, *files]:
        validate(path, "lab" if path == manifest else "task")


def validate(path: Path, kind: str) -> None:
    """Check one content file (``kind`` is ``lab`` or ``task``) against the shipped schema.

    Raises:
        ContentError: with the line of the first offence.
    """
    from jsonschema import Draft202012Validator

    text = read_text(path)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise not_yaml(path, not_readable(error)) from error
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    validator = Draft202012Validator({**schema, "$ref": f"#/$defs/{kind}"})
    errors = sorted(validator.iter_errors(data), key=lambda e: (len(e.path), str(e.path)))
    for offence in errors:
        where = ".".join(str(part) for part in offence.absolute_path) or "the file"
        line = line_of(node, list(offence.absolute_path))
        raise ContentError(
            f"{path}:{line}: {where}: {offence.message[:200]}",
            "docs/writing-a-check.md shows the format",
        )


def line_of(node: yaml.Node | None, path: list[str | int]) -> int:
    """Return the line (from 1) of the value at ``path`` in a composed document."""
    line = node.start_mark.line + 1 if node else 1
    for part in path:
        if isinstance(node, yaml.MappingNode):
            found = next((v for k, v in node.value if getattr(k, "value", None) == part), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            found = node.value[part] if part < len(node.value) else None
        else:
            found = None
        if found is None:
            return line
        node, line = found, found.start_mark.line + 1
    return line


def references(lab: Lab, checks: Mapping[str, Check]) -> None:
    """See that ids are unique, checks exist and take their parameters, and needs end somewhere.

    Raises:
        ContentError: for the first offence.
    """
    seen: dict[str, Criterion] = {}
    for criterion in lab.criteria():
        if criterion.id in seen:
            raise _bad(criterion, f"the id {criterion.id} is used twice", "Rename one of them")
        for need in criterion.needs:
            if need not in seen:
                raise _bad(
                    criterion,
                    f"{criterion.id} needs {need}, which no criterion before it is called",
                    "A criterion can need only what stands above it",
                )
        _parameters(criterion, checks)
        seen[criterion.id] = criterion


def _parameters(criterion: Criterion, checks: Mapping[str, Check]) -> None:
    check = checks.get(criterion.check)
    if check is None:
        raise _bad(
            criterion,
            f"{criterion.id} names the check {criterion.check}, which does not exist",
            f"Known are: {', '.join(sorted(checks))}",
        )
    if check.takes_anything:
        return
    allowed, required = check.parameters()
    given = set(criterion.parameters)
    if given - allowed or required - given:
        raise _bad(
            criterion,
            f"{criterion.id}: unknown parameters {sorted(given - allowed)},"
            f" missing {sorted(required - given)}",
            f"{criterion.check} takes: {', '.join(sorted(allowed)) or 'none'}",
        )


def _bad(criterion: Criterion, what: str, fix: str) -> ContentError:
    return ContentError(f"{_place(criterion)}: {what}", fix)


def _place(criterion: Criterion) -> str:
    """Return ``file:line`` of the criterion."""
    path = Path(criterion.source)
    needle = f"id: {criterion.id}"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    found = [number for number, text in enumerate(lines, 1) if needle in text]
    return f"{path}:{found[-1]}" if found else str(path)


def points_per_task(lab: Lab) -> dict[str, int]:
    """Return the points that count (no bonus) by task id."""
    return {task.id: points_of(task.criteria()) for task in lab.tasks}
