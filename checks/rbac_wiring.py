"""Roles and bindings by name, and that they lead from the account to the role."""

from collections.abc import Iterator, Mapping, Sequence

from labgrader.api import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    ROLE,
    ROLE_BINDING,
    Context,
    Evidence,
    Fact,
    Object,
    Resource,
    check,
    dig,
    fact,
    name_of,
)
from labgrader.toolkit.rbac.grants import Ref
from labgrader.toolkit.rbac.rules import Account, describe_subject, subjects_of

_KINDS = {kind.kind: kind for kind in (CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING)}


@check()
def rbac_wiring(ctx: Context, account: str, pairs: Sequence[Mapping[str, str]]) -> Iterator[Fact]:
    """Looks at each role and its binding: that both exist, and that the binding joins them.

    A role alone gives nobody anything. A binding names one role, for ever (`roleRef` cannot be
    changed), and any number of subjects; the account must be reached by one of them, wherever it
    stands in the list. What the roles permit is not asked here, nor whether there are further ones.
    ``rights`` of a pair is what the fix gives a role that is missing.
    """
    who = Account(ctx.namespace, account)
    for pair in pairs:
        role = _ref(ctx, _KINDS[pair["role_kind"]], pair["role"])
        binding = _ref(ctx, _KINDS[pair["binding_kind"]], pair["binding"])
        yield _exists(ctx, role, f"kubectl create {role.arguments} {pair['rights']}")
        found = ctx.get(binding.resource, binding.name, binding.namespace)
        create = _create(binding, role, who)
        yield _exists(ctx, binding, create)
        yield _joins(binding, found, role, create)
        yield _reaches(binding, found, who, create)


def _ref(ctx: Context, kind: Resource, name: str) -> Ref:
    return Ref(kind, name, ctx.namespace if kind.namespaced else None)


def _create(binding: Ref, role: Ref, who: Account) -> str:
    """Return the command that makes the binding."""
    option = f"--{role.resource.kind.lower()}={role.name}"
    return (
        f"kubectl create {binding.arguments} {option} --serviceaccount={who.namespace}:{who.name}"
    )


def _elsewhere(ctx: Context, ref: Ref) -> str:
    """Say in which other namespaces something of this kind and name stands."""
    if ref.namespace is None:
        return ""
    found = [one for one in ctx.list(ref.resource) if name_of(one) == ref.name]
    spaces = sorted(str(dig(one, "metadata.namespace")) for one in found)
    return f"; there is one in {', '.join(spaces)}" if spaces else ""


def _exists(ctx: Context, ref: Ref, fix: str) -> Fact:
    found = ctx.get(ref.resource, ref.name, ref.namespace)
    doomed = dig(found, "metadata.deletionTimestamp")
    told = "" if found else _elsewhere(ctx, ref)
    actual = "being deleted" if doomed else "it exists" if found else f"not found{told}"
    return fact(
        f"{ref} exists",
        found is not None and not doomed,
        reason=f"{ref} is being deleted" if doomed else f"{ref} does not exist{told}",
        expected=str(ref),
        actual=actual,
        fix=f"Wait until {ref} is gone, and create it again" if doomed else fix,
        evidence=[Evidence(str(ref), value=actual)],
    )


def _joins(binding: Ref, found: Object | None, role: Ref, create: str) -> Fact:
    """State whether the binding names the role; kind and name both matter."""
    wanted = f"{role.resource.kind} {role.name}"
    actual = f"{dig(found, 'roleRef.kind')} {dig(found, 'roleRef.name')}" if found else "no binding"
    again = f"kubectl delete {binding.arguments} && {create}"
    return fact(
        f"{binding.resource.kind} {binding.name} gives {wanted}",
        actual == wanted,
        reason=f"{binding} gives {actual} instead of {wanted}"
        if found
        else f"{binding} does not exist, so nothing gives {wanted}",
        expected=f"roleRef {wanted}",
        actual=actual,
        fix=f"roleRef is immutable, so create it again: `{again}`" if found else create,
        evidence=[Evidence(str(binding), "roleRef", actual)],
    )


def _reaches(binding: Ref, found: Object | None, who: Account, create: str) -> Fact:
    """State whether any subject of the binding is the account."""
    subjects = subjects_of(found or {})
    names = ", ".join(describe_subject(subject) for subject in subjects) or "nobody"
    account = f"ServiceAccount {who.namespace}/{who.name}"
    return fact(
        f"{binding.resource.kind} {binding.name} reaches {who.name}",
        any(who.is_reached_by(subject) for subject in subjects),
        reason=f"{binding} gives its role to {names}, not to {account}"
        if found
        else f"{binding} does not exist, so it does not reach {account}",
        expected=f"{account} among the subjects",
        actual=names,
        fix=f"kubectl set subject {binding.arguments} --serviceaccount={who.namespace}:{who.name}"
        if found
        else create,
        evidence=[Evidence(str(binding), "subjects", names)],
    )
