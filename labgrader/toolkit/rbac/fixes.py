"""Makes kubectl commands that remove permissions, or correct rules. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from labgrader.toolkit.rbac.grants import Binding, Ref
from labgrader.toolkit.rbac.identities import Identity
from labgrader.toolkit.rbac.rules import Atom, Rule, Table
from labgrader.toolkit.rbac.slips import Slip

Ops = list[dict[str, Any]]


def remove_excess(
    source: Ref, rule: Rule, index: int, beyond: Sequence[Atom], allowed: Table
) -> str:
    """Return the command after which the rule at ``index`` of ``source`` holds nothing beyond."""
    return patch(source, narrowing(rule, index, beyond, allowed))


def narrowing(rule: Rule, index: int, beyond: Sequence[Atom], allowed: Table) -> Ops:
    """Return the JSON patch that takes ``beyond`` out of a rule and leaves the rest in.

    A value is left out where that does it. Otherwise the rule is written anew: where it is wrong
    altogether, as what ``allowed`` lists of what its wildcards stand for.
    """
    path, excess = f"/rules/{index}", set(beyond)
    atoms = {atom for where in {atom.namespace for atom in beyond} for atom in rule.atoms(where)}
    if atoms == excess:
        return _rewritten(path, allowed.inside(atoms))
    parts: tuple[tuple[str, tuple[str, ...], Callable[[Atom], str]], ...] = (
        ("verbs", rule.verbs, lambda atom: atom.verb),
        ("resources", rule.resources, lambda atom: atom.resource),
        ("apiGroups", rule.groups, lambda atom: atom.group),
        ("nonResourceURLs", rule.urls, lambda atom: atom.url),
    )
    for key, values, part_of in parts:
        kept = {part_of(atom) for atom in atoms - excess}
        if {atom for atom in atoms if part_of(atom) not in kept} == excess:
            wrong = [place for place, value in enumerate(values) if value not in kept]
            # From the end, so that the places in front stay what they are.
            return [{"op": "remove", "path": f"{path}/{key}/{n}"} for n in reversed(wrong)]
    return _rewritten(path, atoms - excess)


def _rewritten(path: str, atoms: set[Atom]) -> Ops:
    """Return the patch that puts rules for ``atoms`` in the place of one rule."""
    if not atoms:
        return [{"op": "remove", "path": path}]
    first, *more = _rules(atoms)
    return [
        {"op": "replace", "path": path, "value": first},
        *({"op": "add", "path": "/rules/-", "value": rule} for rule in more),
    ]


def _rules(atoms: set[Atom]) -> list[dict[str, Any]]:
    """Write atoms as few rules: resources of a group with the same verbs stand together."""
    verbs: dict[tuple[str, str, str, frozenset[str]], set[str]] = {}
    for atom in atoms:
        verbs.setdefault((atom.group, atom.url, atom.resource, atom.names), set()).add(atom.verb)
    merged: dict[tuple[str, bool, frozenset[str], tuple[str, ...]], list[str]] = {}
    for (group, url, resource, names), held in sorted(verbs.items(), key=lambda one: one[0][:3]):
        key = (group, bool(url), names, tuple(sorted(held)))
        merged.setdefault(key, []).append(url or resource)
    return [
        {"nonResourceURLs": what, "verbs": list(held)}
        if is_url
        else {"apiGroups": [group], "resources": what, "verbs": list(held)}
        | ({"resourceNames": sorted(names)} if names else {})
        for (group, is_url, names, held), what in merged.items()
    ]


def correcting(index: int, slips: Iterable[Slip]) -> Ops:
    """Return the JSON patch that writes what was meant in the place of slips of one rule."""
    ops: Ops = []
    for one in slips:
        path = f"/rules/{index}/{one.key}"
        ops.append({"op": "replace", "path": f"{path}/{one.index}", "value": one.meant})
        ops += [{"op": "add", "path": f"{path}/-", "value": value} for value in one.more]
    return ops


def unbind(binding: Binding, account: Identity) -> str:
    """Return the command that takes the whole role away from the account, and from nobody else."""
    mine = [n for n, one in enumerate(binding.subjects) if account.is_reached_by(one)]
    if len(mine) == len(binding.subjects):
        return f"kubectl delete {binding.ref.arguments}"
    ops = [{"op": "remove", "path": f"/subjects/{n}"} for n in reversed(mine)]
    return patch(binding.ref, ops)


def alone(binding: Binding, account: Identity) -> str:
    """Return the command that leaves the account as the only subject of a binding."""
    others = [n for n, one in enumerate(binding.subjects) if not account.is_named_by(one)]
    if len(others) < len(binding.subjects):
        ops: Ops = [{"op": "remove", "path": f"/subjects/{n}"} for n in reversed(others)]
        return patch(binding.ref, ops)
    if not binding.reaches(account):
        return f"kubectl delete {binding.ref.arguments}"
    own = dict(account.subject)
    return patch(binding.ref, [{"op": "replace", "path": "/subjects", "value": [own]}])


def without(binding: Binding, subjects: Sequence[int]) -> str:
    """Return the command that removes subjects of a binding by index; all of them: the binding."""
    if len(subjects) == len(binding.subjects):
        return f"kubectl delete {binding.ref.arguments}"
    ops: Ops = [{"op": "remove", "path": f"/subjects/{n}"} for n in sorted(subjects, reverse=True)]
    return patch(binding.ref, ops)


def patch(ref: Ref, ops: Ops) -> str:
    """Return the command that applies a JSON patch to a role or a binding."""
    return f"kubectl patch {ref.arguments} --type=json -p '{json.dumps(ops)}'"
