"""The status and the columns of `kubectl get`, judged by dry-run patches of a resource's status."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labgrader.api import Context, Evidence, Fact, Failure, Object, Rejected, Resource, check, fact


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
    for status in admits:
        yield _takes(ctx, resource, name, status)
    for status in refuses:
        refusal = _patch(ctx, resource, name, status)
        yield fact(
            f"status refuses {_shown(status)}",
            isinstance(refusal, Rejected),
            reason=f"A status with {_shown(status)} is admitted",
            expected="refused",
            actual="admitted",
            fix=f"Limit status.{next(iter(status))} in openAPIV3Schema",
        )


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
    `-o wide`, and does not count.
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
    shown = {
        str(definition.get("name")).lower(): (definition, cell)
        for definition, cell in zip(table.get("columnDefinitions", []), cells, strict=False)
        if not definition.get("priority")
    }
    for column in columns:
        yield _column(column, shown)


def _column(column: Mapping[str, Any], shown: Mapping[str, tuple[Object, Any]]) -> Fact:
    wanted = str(column["name"])
    definition, cell = shown.get(wanted.lower(), ({}, None))
    right_type = definition.get("type") == column["type"]
    right_cell = cell is not None and ("value" not in column or cell == column["value"])
    if not definition:
        actual, reason = "no such column", f"`kubectl get` shows no column {wanted}"
    elif not right_type:
        actual = f"type {definition.get('type')}"
        reason = f"The column {wanted} has {actual} instead of {column['type']}"
    else:
        actual = f"shows {cell!r}"
        reason = f"The column {wanted} {actual}, which is not {column['reads']}"
    entry = f"{{name: {wanted}, type: {column['type']}, jsonPath: {column['reads']}}}"
    return fact(
        f"column {wanted}",
        bool(definition) and right_type and right_cell,
        reason=reason,
        expected=f"a column of type {column['type']} that shows {column['reads']}",
        actual=actual,
        fix=f"In additionalPrinterColumns of the version: {entry}",
        evidence=[Evidence("Table", wanted, actual)],
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
    return ", ".join(f"{key} {value!r}" for key, value in status.items())
