"""The status and the columns of `kubectl get`, judged by dry-run patches of a resource's status."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labgrader.api import (
    Context,
    Evidence,
    Fact,
    Failure,
    Object,
    Rejected,
    Resource,
    check,
    fact,
    grouped,
)


@check()
def crd_status_schema(
    ctx: Context,
    group: str,
    version: str,
    kind: str,
    plural: str,
    name: str,
    admits: Sequence[Mapping[str, Any]],
    refuses: Sequence[Mapping[str, Any]],
) -> Iterator[Fact]:
    """Asks, by dry-run, which values the status takes.

    The status is the operator's word to everybody else; a phase that nobody knows is worse than
    none. Fields that the schema lacks are dropped without a word, so what comes back is compared.
    """
    resource = Resource(group, version, plural, kind)
    taken = (_takes(ctx, resource, name, status) for status in admits)
    yield from grouped("The status accepts valid values", taken)
    refused = (_refuses(ctx, resource, name, status) for status in refuses)
    yield from grouped("The status rejects invalid values", refused)


@check()
def crd_columns(
    ctx: Context,
    group: str,
    version: str,
    kind: str,
    plural: str,
    name: str,
    status: Mapping[str, Any],
    columns: Sequence[Mapping[str, Any]],
) -> Iterator[Fact]:
    """Looks at the table that `kubectl get` would print, after a dry-run change of the status.

    The values are all different, so a column shows what it really reads, however its path is
    written. Columns beyond those asked for are fine; one with a priority above 0 is shown only by
    `-o wide`, and does not count. Where two columns have the same name, both must be right.
    """
    resource = Resource(group, version, plural, kind)
    try:
        table = ctx.dry_run_patch(
            resource,
            name,
            {"status": dict(status)},
            ctx.namespace,
            subresource="status",
            as_table=True,
        )
    except Rejected as refusal:
        raise Failure(
            f"The columns cannot be shown: a valid status is refused: {refusal.message}",
            expected="a table",
            actual=refusal.message,
            fix="Make the status schema take the lab's values first",
        ) from refusal
    cells = table.get("rows", [{}])[0].get("cells", [])
    shown: dict[str, list[Cell]] = {}
    for definition, cell in zip(table.get("columnDefinitions", []), cells, strict=False):
        if not definition.get("priority"):
            shown.setdefault(str(definition.get("name")).lower(), []).append((definition, cell))
    for column in columns:
        of_status = str(column["reads"]).startswith(".status")
        group = "Columns of the status" if of_status else "Columns of spec and metadata"
        yield from grouped(group, [_column(column, shown.get(column["name"].lower(), []))])


Cell = tuple[Object, Any]
"""A column's definition, and what it shows."""


def _column(column: Mapping[str, Any], shown: Sequence[Cell]) -> Fact:
    wanted = str(column["name"])
    wrong = [problem for one in shown if (problem := _problem(column, *one))]
    if not shown:
        actual, reason = "no such column", f"`kubectl get` shows no column {wanted}"
    elif wrong:
        which = f"One of the {len(shown)} columns" if len(shown) > 1 else "The column"
        actual = wrong[0]
        wanted_is = f"it must be of type {column['type']} and show {column['reads']}"
        reason = f"{which} {wanted} {actual}; {wanted_is}"
    else:
        actual, reason = f"shows {column['reads']}", ""
    entry = f"{{name: {wanted}, type: {column['type']}, jsonPath: {column['reads']}}}"
    more = f", and remove the other {wanted}" if len(shown) > 1 else ""
    return fact(
        f"column {wanted}",
        bool(shown) and not wrong,
        reason=reason,
        expected=f"a column of type {column['type']} that shows {column['reads']}",
        actual=actual,
        fix=f"In additionalPrinterColumns of the version: {entry}{more}",
        evidence=[Evidence("Table", wanted, actual)],
    )


def _problem(column: Mapping[str, Any], definition: Object, cell: object) -> str:
    """Say what is wrong with one column that has the right name; empty where nothing is."""
    if definition.get("type") != column["type"]:
        return f"is of type {definition.get('type')}"
    if cell is None:
        return "shows nothing"
    return f"shows {json.dumps(cell)}" if "value" in column and cell != column["value"] else ""


def _refuses(ctx: Context, resource: Resource, name: str, status: Mapping[str, Any]) -> Fact:
    return fact(
        f"status refuses {_shown(status)}",
        isinstance(_patch(ctx, resource, name, status), Rejected),
        reason=f"A status with {_shown(status)} is admitted",
        expected="refused",
        actual="admitted",
        fix=f"Limit status.{next(iter(status))} in openAPIV3Schema",
    )


def _takes(ctx: Context, resource: Resource, name: str, status: Mapping[str, Any]) -> Fact:
    answer = _patch(ctx, resource, name, status)
    if isinstance(answer, Rejected):
        lost, actual = True, f"refused: {answer.message}"
    else:
        kept = answer.get("status", {})
        missing = [key for key, value in status.items() if kept.get(key) != value]
        lost, actual = bool(missing), f"dropped: {', '.join(missing)}" if missing else "kept"
    return fact(
        f"status takes {_shown(status)}",
        not lost,
        reason=f"A status with {_shown(status)} is {actual}",
        expected="kept as it is written",
        actual=actual,
        fix=f"Define {', '.join(f'status.{key}' for key in status)} in openAPIV3Schema",
    )


def _patch(
    ctx: Context, resource: Resource, name: str, status: Mapping[str, Any]
) -> Object | Rejected:
    try:
        return ctx.dry_run_patch(
            resource, name, {"status": dict(status)}, ctx.namespace, subresource="status"
        )
    except Rejected as refusal:
        return refusal


def _shown(status: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {json.dumps(value)}" for key, value in status.items())
