"""Who is granted permissions: a service account, or the members of a group. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class Identity(Protocol):
    """A user name with groups, as an access review names it: ``Account`` and ``Member`` are one."""

    @property
    def name(self) -> str:
        """Its name for people."""
        ...

    @property
    def user(self) -> str:
        """The user name that the API server sees."""
        ...

    @property
    def groups(self) -> tuple[str, ...]:
        """All groups; an access review implies none of them."""
        ...

    @property
    def subject(self) -> Mapping[str, str]:
        """The subject of a binding that names it."""
        ...

    def is_named_by(self, subject: Mapping[str, Any]) -> bool:
        """Whether a binding's subject is this identity and no other."""
        ...

    def is_reached_by(self, subject: Mapping[str, Any]) -> bool:
        """Whether a binding's subject is this identity or a group that it is in."""
        ...


@dataclass(frozen=True, slots=True)
class Member:
    """Any member of a group: permissions that name a single user are not the group's.

    Args:
        group: the group, such as a certificate or an identity provider names it.
        person: a member, for commands that are shown; grants to this user alone do not count.
    """

    group: str
    person: str = "someone"

    @property
    def name(self) -> str:
        """``group x``, for people."""
        return f"group {self.group}"

    @property
    def user(self) -> str:
        """A user name that no binding has: what is allowed to it is allowed to the group."""
        return f"labgrader:member-of:{self.group}"

    @property
    def groups(self) -> tuple[str, ...]:
        """The group, and what every authenticated user is in."""
        return self.group, "system:authenticated"

    @property
    def subject(self) -> Mapping[str, str]:
        """The group as a subject of a binding."""
        return {"kind": "Group", "name": self.group, "apiGroup": "rbac.authorization.k8s.io"}

    def is_named_by(self, subject: Mapping[str, Any]) -> bool:
        """Whether the subject is the group."""
        return (subject.get("kind"), subject.get("name")) == ("Group", self.group)

    def is_reached_by(self, subject: Mapping[str, Any]) -> bool:
        """Whether the subject is the group, or all authenticated users."""
        return subject.get("kind") == "Group" and subject.get("name") in self.groups


def impersonating(identity: Identity) -> str:
    """Return the flags with which kubectl acts as this identity: ``--as=… --as-group=…``."""
    if isinstance(identity, Member):
        return f"--as={identity.person} --as-group={identity.group}"
    return f"--as={identity.user}"


def flag_of(identity: Identity) -> str:
    """Return the flag by which ``kubectl create rolebinding`` names it."""
    subject = identity.subject
    if subject["kind"] == "ServiceAccount":
        return f"--serviceaccount={subject['namespace']}:{subject['name']}"
    return f"--{subject['kind'].lower()}={subject['name']}"
