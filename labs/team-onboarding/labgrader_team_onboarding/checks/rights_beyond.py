"""What a group or an account may do beyond what the task allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from labgrader.api import (
    CLUSTER_ROLE,
    ROLE_BINDING,
    Context,
    Evidence,
    Fact,
    Failure,
    check,
    dig,
    fact,
    grouped,
)
from labgrader.toolkit.rbac import fixes
from labgrader.toolkit.rbac.grants import Grant, Ref, bindings, confirm, grants, untouched_default
from labgrader.toolkit.rbac.identities import Identity
from labgrader.toolkit.rbac.rules import ANY, Atom, Table, actions, qualified
from labgrader.toolkit.rbac.slips import Slips, served

from ._shared.rights import Rows, bind, identity_of, label_of

READ = ("get", "list", "watch")


@check()
def rights_beyond(
    ctx: Context,
    who: Mapping[str, str],
    allowed: Mapping[str, Rows],
    everyone: Rows,
    required: Rows,
    probes: Rows,
    roles: Mapping[str, str] | None = None,
) -> Iterator[Fact]:
    """Looks at everything that a group or an account may do, by any binding of the cluster.

    Each rule is compared with what the task allows in each of the two namespaces. Less is fine.
    Elsewhere nothing is allowed to bindings that name it; what a group of everybody may do
    elsewhere is the cluster's affair. Custom resources that the cluster adds to the shipped roles
    `view` and `edit` are as well.
    """
    excess = _Excess(ctx, identity_of(who), allowed, everyone, dict(roles or {}))
    excess.demand_something(required)
    for place in allowed:
        excess.confirm(place, probes)
    facts = list(excess.facts()) or [fact("no rule permits more than the task allows", ok=True)]
    yield from grouped("Nothing beyond what the task allows", facts)


class _Excess:
    """What one identity holds, against the tables of the task."""

    def __init__(
        self,
        ctx: Context,
        who: Identity,
        allowed: Mapping[str, Rows],
        everyone: Rows,
        roles: Mapping[str, str],
    ) -> None:
        self._ctx = ctx
        self._who = who
        self._roles = roles
        self._places = list(allowed)
        rows = [{**row, "namespace": place} for place in allowed for row in allowed[place]]
        self._table = Table.of([*rows, *everyone])
        every = bindings(ctx, lambda one: one.reaches(who))
        self._all = grants(ctx, who, every)
        self._held = [one for one in self._all if not one.default]
        self._slips = Slips(lambda group: served(ctx.served(group)))

    def demand_something(self, required: Rows) -> None:
        """Fail where hardly anything is allowed yet: an absent answer earns no points."""
        wanted = [
            one for row in required for one in actions([row], row.get("where", self._places[0]))
        ]
        can = sum(any(grant.permits(action) for grant in self._held) for action in wanted)
        if 2 * can < len(wanted):
            raise Failure(
                f"{label_of(self._who)} may do {can} of the {len(wanted)} things that it needs:"
                " least privilege is judged once it can work",
                expected="the required permissions",
                actual=f"{can} of {len(wanted)} required permissions",
                fix="Grant the required permissions of this task first",
                evidence=[Evidence(label_of(self._who), "permissions", str(can))],
            )

    def confirm(self, place: str, probes: Rows) -> None:
        """See by access reviews that the API server thinks as the roles say."""
        for action in actions(probes, place):
            permitted = any(one.permits(action) for one in self._all)
            confirm(self._ctx.access_review, self._who, action, permitted)

    def facts(self) -> Iterator[Fact]:
        """Yield what is wrong: each rule once, where several bindings give it."""
        seen: set[tuple[Ref, int]] = set()
        for grant in self._held:
            beyond = self._beyond(grant)
            if beyond and (grant.source, grant.index) not in seen:
                seen.add((grant.source, grant.index))
                yield self._fact(grant, beyond)

    def _beyond(self, grant: Grant) -> list[Atom]:
        explicit = any(self._who.is_named_by(one) for one in grant.binding.subjects)
        if grant.binding.namespace is not None:
            counts = explicit or grant.binding.namespace in self._places
            where: list[str | None] = [grant.binding.namespace] if counts else []
        else:
            where = [None] if explicit else list(self._places)
        atoms = [
            atom
            for place in where
            for atom in grant.rule.atoms(place)
            if not self._table.covers(atom) and not self._added_by_cluster(grant, atom)
        ]
        return self._slips.effective(atoms)

    def _added_by_cluster(self, grant: Grant, atom: Atom) -> bool:
        """Whether it is a custom resource that the cluster added to the role it expects here."""
        custom = "." in atom.group and not atom.group.endswith(".k8s.io")
        role, expected = grant.binding.role, self._roles.get(str(atom.namespace))
        if not custom or expected is None or role != Ref(CLUSTER_ROLE, role.name):
            return False
        return (role.name == "view" and atom.verb in READ) or role.name == expected == "edit"

    def _fact(self, grant: Grant, beyond: Sequence[Atom]) -> Fact:
        place = grant.binding.namespace
        where = f"in {place}" if place else "across the cluster"
        what = _several(beyond)
        known = self._table.verbs_on(beyond[0])
        return fact(
            f"{grant.source}, rule {grant.index + 1}, stays within what is allowed",
            ok=False,
            reason=f"{label_of(self._who)} may {what} {where}, by {grant}",
            expected=f"{', '.join(known) or 'nothing'} on {_object(beyond[0])}",
            actual=what,
            fix=self._fix(grant, list(beyond)),
            evidence=[
                Evidence(str(grant.source), f"rules[{grant.index}]", str(grant.rule)),
                Evidence(str(grant.binding.ref), "roleRef", str(grant.binding.role)),
            ],
        )

    def _fix(self, grant: Grant, beyond: list[Atom]) -> str:
        """Return the command that removes the excess, and keeps what the task asks for."""
        binding = grant.binding
        same = [one for one in self._held if one.binding == binding]
        wide = binding.namespace is None and all(atom.namespace is None for atom in beyond)
        if not wide and not self._is_shipped(grant.source):
            return fixes.remove_excess(
                grant.source, grant.rule, grant.index, beyond, self._narrowed(beyond)
            )
        rest = [one for one in self._held if one not in same]
        again = [
            bind(self._free_name(role, place), place, role, self._who)
            for place in (self._places if binding.namespace is None else [binding.namespace])
            if (role := self._missing_role(place, rest))
        ]
        return " && ".join([fixes.unbind(binding, self._who), *again])

    def _is_shipped(self, role: Ref) -> bool:
        """Whether Kubernetes came with a role: others rely on it, so it is never to be changed."""
        found = self._ctx.get(role.resource, role.name, role.namespace)
        return found is not None and untouched_default(found)

    def _free_name(self, role: Ref, place: str) -> str:
        """Return the name of a RoleBinding that can be created, once what is wrong is deleted."""
        name = f"{self._who.subject['name']}-{role.name}"
        found = self._ctx.get(ROLE_BINDING, name, place)
        kept = found is not None and dig(found, "roleRef.name") != role.name
        reused = any(one.binding.ref == Ref(ROLE_BINDING, name, place) for one in self._held)
        return f"{name}-only" if kept and not reused else name

    def _narrowed(self, beyond: Sequence[Atom]) -> Table:
        """Return what of the task's table is meant by wildcards: that of the places concerned."""
        places = {atom.namespace for atom in beyond}
        return Table(tuple(one for one in self._table.atoms if one.namespace in places))

    def _missing_role(self, place: str, rest: Sequence[Grant]) -> Ref | None:
        """Return the shipped role that must be bound anew once a binding is gone, if any."""
        expected = self._roles.get(place)
        if expected is None:
            return None
        role = Ref(CLUSTER_ROLE, expected)
        here = [one for one in rest if one.binding.namespace in (None, place)]
        return None if here else role


def _object(atom: Atom) -> str:
    if atom.url:
        return atom.url
    if atom.group == ANY:
        return f"{atom.resource} of every API group"
    return qualified(atom.resource, atom.group)


def _several(atoms: Sequence[Atom], shown: int = 4) -> str:
    """Say atoms as ``create, delete pods/exec; get secrets``, and how many more there are."""
    by_object: dict[str, list[str]] = {}
    for atom in atoms:
        by_object.setdefault(_object(atom), []).append(atom.verb)
    told = [f"{_verbs(verbs)} {what}" for what, verbs in by_object.items()]
    more = len(told) - shown
    return "; ".join(told[:shown]) + (f"; and {more} more" if more > 0 else "")


def _verbs(verbs: Sequence[str]) -> str:
    """Say verbs, and what a star means."""
    return ", ".join(
        f"do everything ({ANY}) with" if one == ANY else one for one in dict.fromkeys(verbs)
    )
