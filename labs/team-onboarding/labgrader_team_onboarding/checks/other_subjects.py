"""Other subjects that are bound in the team's namespaces, or under the team's names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labgrader.api import Context, Evidence, Fact, Failure, check, fact
from labgrader.toolkit.rbac import fixes
from labgrader.toolkit.rbac.grants import Binding, bindings
from labgrader.toolkit.rbac.rules import describe_subject

from ._shared.rights import identity_of

ACCOUNTS = "system:serviceaccount"


@check()
def other_subjects(
    ctx: Context, subjects: Mapping[str, Sequence[Mapping[str, str]]], prefix: str
) -> Iterator[Fact]:
    """Looks at every binding in the team's namespaces, and at every one that names the team.

    In each namespace the task names who may be bound. Elsewhere, users and groups whose names
    begin as the team's, and all accounts of its namespaces, may hold nothing but what the group
    and the deployment account are given. A binding to a role that does not exist grants nothing and
    does not count.
    """
    team = _Team(ctx, subjects, prefix)
    if not team.is_bound():
        raise _nothing(list(subjects))
    facts = [_fact(binding, wrong, team) for binding, wrong in team.strangers()]
    yield from facts or [fact("no other subject is bound", ok=True)]


class _Team:
    """Who belongs to the team, and where each may be bound."""

    def __init__(
        self, ctx: Context, subjects: Mapping[str, Sequence[Mapping[str, str]]], prefix: str
    ) -> None:
        self._ctx = ctx
        self._prefix = prefix
        self.expected = {
            place: [identity_of(one) for one in allowed] for place, allowed in subjects.items()
        }
        self._own = [one for allowed in self.expected.values() for one in allowed]
        self._bindings = [one for one in bindings(ctx, lambda _: True) if not one.default]

    def is_bound(self) -> bool:
        """Whether any of the identities is bound in its namespace: else nothing was done."""
        return any(
            who.is_named_by(subject)
            for binding in self._bindings
            for who in self.expected.get(str(binding.namespace), ())
            for subject in binding.subjects
        )

    def strangers(self) -> Iterator[tuple[Binding, list[int]]]:
        """Yield bindings with subjects that must not be in them, by index."""
        for binding in self._bindings:
            wrong = [
                at for at, one in enumerate(binding.subjects) if self._is_stranger(binding, one)
            ]
            if wrong and self._grants_something(binding):
                yield binding, wrong

    def may(self, place: str | None) -> str:
        """Name who may be bound in a namespace."""
        allowed = self.expected.get(str(place))
        if allowed is None:
            return "no further subject of the team"
        return ", ".join(describe_subject(one.subject) for one in allowed)

    def _is_stranger(self, binding: Binding, subject: Mapping[str, Any]) -> bool:
        here = self.expected.get(str(binding.namespace))
        if here is not None:
            return not any(who.is_named_by(subject) for who in here)
        return self._is_team(subject) and not any(who.is_named_by(subject) for who in self._own)

    def _is_team(self, subject: Mapping[str, Any]) -> bool:
        """Whether a subject goes under the team's name, or is an account of its namespaces."""
        kind, name = subject.get("kind"), str(subject.get("name"))
        if kind == "ServiceAccount":
            return subject.get("namespace") in self.expected
        if name.startswith(f"{ACCOUNTS}:"):
            return name.split(":")[2] in self.expected
        if name.startswith(f"{ACCOUNTS}s:"):
            return name.split(":")[2] in self.expected
        return name.startswith(self._prefix)

    def _grants_something(self, binding: Binding) -> bool:
        role = binding.role
        found = self._ctx.get(role.resource, role.name, role.namespace)
        return bool(found and found.get("rules"))


def _nothing(places: Sequence[str]) -> Failure:
    where = " and ".join(places)
    return Failure(
        f"No binding in {where} names the team yet",
        expected="the group and the deployment account are bound",
        actual="no binding",
        fix=f"Create the RoleBindings of this task in {where} first",
        evidence=[Evidence(f"RoleBinding list in {place}") for place in places],
    )


def _fact(binding: Binding, wrong: Sequence[int], team: _Team) -> Fact:
    names = ", ".join(describe_subject(binding.subjects[at]) for at in wrong)
    place, risk = binding.namespace, _risk(binding, wrong, team)
    where = f"in {place}" if place else "across the cluster"
    return fact(
        f"{binding.ref} names no other subject",
        ok=False,
        reason=f"{binding.ref} gives {binding.role} {where} to {names}{risk}",
        expected=f"subjects: {team.may(place)}",
        actual=f"subjects: {', '.join(map(describe_subject, binding.subjects))}",
        fix=fixes.without(binding, wrong),
        evidence=[Evidence(str(binding.ref), "subjects", names)],
    )


def _risk(binding: Binding, wrong: Sequence[int], team: _Team) -> str:
    """Say what an account of the team's other namespace means."""
    for at in wrong:
        subject = binding.subjects[at]
        home = subject.get("namespace") if subject.get("kind") == "ServiceAccount" else None
        if home in team.expected and home != binding.namespace:
            return f": users who may edit {home} can create a token for that account"
    return ""
