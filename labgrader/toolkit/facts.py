"""Facts about one object: they name it, show the field that they are about, and how to edit it."""

from __future__ import annotations

from labgrader.grading.findings import Fact, Failure, fact
from labgrader.kube.resources import Resource
from labgrader.model.result import Evidence


class Subject:
    """An object that several facts are about.

    Args:
        resource: its type; the kubectl command that edits it is made of its kind.
        name: its name; ``namespace`` None where it has none.
        path: the field that is named as evidence where a fact names no other one.
        under: what stands before each path that a fact gives, such as ``spec.template.spec.``.
    """

    def __init__(
        self,
        resource: Resource,
        name: str,
        namespace: str | None,
        *,
        path: str = "",
        under: str = "",
    ) -> None:
        self.name = name
        self.label = resource.describe(name, namespace)
        where = f" -n {namespace}" if namespace else ""
        self.edit = f"kubectl edit {resource.kind.lower()} {name}{where}"
        self.path = path
        self._under = under

    def evidence(self, value: object, path: str = "") -> list[Evidence]:
        """Return a field of the object, with its value, as evidence."""
        return [Evidence(self.label, f"{self._under}{path}" if path else self.path, str(value))]

    def fact(
        self,
        name: str,
        ok: bool,
        path: str = "",
        *,
        reason: str,
        expected: object,
        actual: object,
        fix: str = "",
        weight: int = 1,
    ) -> Fact:
        """State a fact about a field; ``actual`` is its evidence, ``fix`` is to edit the object."""
        return fact(
            name,
            ok,
            weight=weight,
            reason=reason,
            expected=expected,
            actual=actual,
            fix=fix or self.edit,
            evidence=self.evidence(actual, path),
        )

    def failure(self, reason: str, *, expected: str, actual: str, fix: str = "") -> Failure:
        """Return a failure of the whole check; ``actual`` is its evidence."""
        return Failure(
            reason,
            expected=expected,
            actual=actual,
            fix=fix or self.edit,
            evidence=self.evidence(actual),
        )
