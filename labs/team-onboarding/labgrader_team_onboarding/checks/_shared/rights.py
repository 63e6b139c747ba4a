"""Who this lab's permissions are for, and how an action is asked about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labgrader.toolkit.rbac.grants import Binding, Ref
from labgrader.toolkit.rbac.identities import Identity, Member, flag_of, impersonating
from labgrader.toolkit.rbac.rules import Account, Action, qualified

Rows = Sequence[Mapping[str, Any]]


def identity_of(who: Mapping[str, str]) -> Identity:
    """Return the identity that a task names: ``{group, member}`` or ``{account, namespace}``."""
    if "group" in who:
        return Member(who["group"], who.get("member", "someone"))
    return Account(who["namespace"], who["account"])


def label_of(who: Identity) -> str:
    """Name an identity with its kind: ``Group x``, ``ServiceAccount ns/x``."""
    if isinstance(who, Account):
        return f"ServiceAccount {who.namespace}/{who.name}"
    return f"Group {who.subject['name']}"


def question(action: Action, who: Identity) -> str:
    """Return the command by which a learner asks whether an action is allowed."""
    resource, _, subresource = action.resource.partition("/")
    parts = [f"kubectl auth can-i {action.verb} {qualified(resource, action.group)}"]
    parts += [f"--subresource={subresource}"] if subresource else []
    parts += [f"-n {action.namespace}"] if action.namespace else []
    return " ".join([*parts, impersonating(who)])


def bind(name: str, namespace: str, role: Ref, who: Identity) -> str:
    """Return the command that binds a role in a namespace."""
    kind = role.resource.kind.lower()
    return f"kubectl create rolebinding {name} -n {namespace} --{kind}={role.name} {flag_of(who)}"


def near_subjects(bindings: Sequence[Binding], who: Identity) -> Iterator[tuple[Binding, str]]:
    """Yield bindings whose subject was meant for an identity and is another, and why."""
    name = str(who.subject["name"])
    for binding in bindings:
        for subject in binding.subjects:
            if subject.get("name") != name or who.is_named_by(subject):
                continue
            if subject.get("kind") != who.subject["kind"]:
                why = f"names {subject.get('kind')} {name}, not {label_of(who)}"
            else:
                why = f"names the {subject.get('kind')} of {subject.get('namespace')}"
            yield binding, why
        if isinstance(who, Member) and any(_is_user(one, who.person) for one in binding.subjects):
            yield binding, f"names User {who.person} alone, not {label_of(who)}"


def _is_user(subject: Mapping[str, Any], name: str) -> bool:
    return (subject.get("kind"), subject.get("name")) == ("User", name)
