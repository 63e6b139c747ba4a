"""Nothing beyond what the lab allows, and for nobody else."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from labgrader.api import Context, Evidence, Fact, Failure, check, fact, grouped
from labgrader.toolkit.rbac import fixes
from labgrader.toolkit.rbac.grants import Binding, Grant, bindings, confirm, grants
from labgrader.toolkit.rbac.rules import (
    ANY,
    Account,
    Atom,
    Table,
    actions,
    describe_subject,
    qualified,
)
from labgrader.toolkit.rbac.slips import Slips, served

Rows = Sequence[Mapping[str, Any]]

_ABOUT = {
    "escalate": "whoever may escalate can write roles that hold more than their own rights",
    "bind": "whoever may bind can take any role",
    "impersonate": "whoever may impersonate acts with the rights of others",
    ANY: "a wildcard also covers escalate, bind, impersonate, and whatever is added later",
}


@check()
def rbac_least_privilege(
    ctx: Context,
    account: str,
    roles: Sequence[str],
    required: Rows,
    allowed: Rows,
    everyone: Rows,
    probes: Rows,
) -> Iterator[Fact]:
    """Looks at everything the account may do anywhere, and at who else may do it.

    Every rule that reaches the account is compared with the lab's own list; less than the list, or
    the same in one namespace alone, is fine. Wildcards, further verbs, resources, groups and URLs
    are not. What every account has (discovery, reviews of oneself) does not count, unless somebody
    has added to it. A rule that permits nothing because of a slip of the pen is no excess. A role
    is only as narrow as its bindings: each further subject of a binding holds the same rights.
    """
    who = Account(ctx.namespace, account)
    about = bindings(ctx, lambda one: one.reaches(who) or _of_the_operator(one, roles, who))
    held = grants(ctx, who, about)
    _something(held, who, required)
    for action in actions(probes, ctx.namespace):
        confirm(ctx.access_review, who, action, any(grant.permits(action) for grant in held))
    slips = Slips(lambda group: served(ctx.served(group)))
    table = Table.of([*allowed, *everyone])
    fix = partial(_fix, held=held, allowed=Table.of(allowed), who=who, roles=roles)
    rights = _excesses(held, table, slips, fix)
    people = _shared(about, held, Table.of(everyone), slips, who)
    # However many are wrong on either side, rights weigh twice what people weigh.
    rights = rights or [fact("no rule permits more than the lab allows", ok=True)]
    yield from grouped("Nothing beyond what the lab allows", rights, weight=2)
    yield from grouped(f"For {account} alone", people or [fact("no other subject", ok=True)])
    yield from _notes(held)


def _of_the_operator(binding: Binding, roles: Sequence[str], who: Account) -> bool:
    """Whether a binding gives away one of the operator's own roles, to whomever."""
    return binding.role.name in roles and binding.role.namespace in (None, who.namespace)


def _something(held: Sequence[Grant], who: Account, required: Rows) -> None:
    """Fail where there is nothing to be narrowed yet: an absent answer earns no points."""
    wanted = actions(required, who.namespace)
    can = sum(any(grant.permits(action) for grant in held) for action in wanted)
    if 2 * can < len(wanted):
        raise Failure(
            f"{who.name} may do only {can} of the {len(wanted)} things that it needs:"
            " there is nothing to be narrowed yet",
            expected="an account that can do its work",
            actual=f"{can} of {len(wanted)} required permissions",
            fix="Give it what the check of the required permissions misses first",
            evidence=[Evidence(f"ServiceAccount {who.namespace}/{who.name}")],
        )


def _excesses(
    held: Sequence[Grant], table: Table, slips: Slips, fix: Callable[[Grant, list[Atom]], str]
) -> list[Fact]:
    """State each rule that holds too much; once, where several bindings give it."""
    found = {
        (grant.source, grant.index): (grant, beyond)
        for grant in reversed(held)  # cluster-wide bindings come first, and say the most
        if not grant.default and (beyond := slips.effective(grant.beyond(table)))
    }
    return [
        _excess(grant, beyond, table, fix(grant, beyond))
        for grant, beyond in reversed(found.values())
    ]


def _excess(grant: Grant, beyond: list[Atom], table: Table, fix: str) -> Fact:
    where = grant.binding.namespace
    place = f"in {where}" if where else "across the cluster"
    known = table.verbs_on(beyond[0])
    about = next((f" ({_ABOUT[atom.verb]})" for atom in beyond if atom.verb in _ABOUT), "")
    what = _several(beyond)
    return fact(
        f"{grant.source}, rule {grant.index + 1}, stays within what is allowed",
        ok=False,
        reason=f"{grant} permits {what} {place}, which is more than the lab allows{about}",
        expected=f"{', '.join(known) or 'nothing'} on {_object(beyond[0])}",
        actual=what,
        fix=fix,
        evidence=[
            Evidence(str(grant.source), f"rules[{grant.index}]", str(grant.rule)),
            Evidence(str(grant.binding.ref), "roleRef", str(grant.binding.role)),
        ],
    )


def _fix(
    grant: Grant,
    beyond: list[Atom],
    held: Sequence[Grant],
    allowed: Table,
    who: Account,
    roles: Sequence[str],
) -> str:
    """Unbind a role that others own or that is wrong altogether; narrow the rule otherwise."""
    binding = grant.binding
    same = [one for one in held if one.binding == binding]
    useless = not any(allowed.covers(atom) for one in same for atom in one.rule.atoms(None))
    if not binding.default and (
        grant.shipped or (useless and not _of_the_operator(binding, roles, who))
    ):
        return fixes.unbind(binding, who)
    return fixes.remove_excess(grant.source, grant.rule, grant.index, beyond, allowed)


def _object(atom: Atom) -> str:
    if atom.url:
        return atom.url
    if atom.group == ANY:
        return f"{atom.resource} of every API group"
    return qualified(atom.resource, atom.group)


def _several(atoms: list[Atom], shown: int = 4) -> str:
    """Say atoms as ``create, delete pods/exec; get secrets``, and how many more there are."""
    by_object: dict[str, list[str]] = {}
    for atom in atoms:
        by_object.setdefault(_object(atom), []).append(atom.verb)
    told = [f"{', '.join(verbs)} {what}" for what, verbs in list(by_object.items())[:shown]]
    more = len(by_object) - shown
    return "; ".join(told) + (f"; and {more} more" if more > 0 else "")


def _notes(held: Sequence[Grant]) -> Iterator[Fact]:
    """Note what is malformed: it permits nothing, which costs nothing, and was hardly meant."""
    told = dict.fromkeys(
        f"{grant.source}, rule {grant.index + 1}: {slip}; it permits nothing"
        for grant in held
        if not grant.shipped
        for slip in Slips().of(grant.rule)
    )
    yield from (fact(one, ok=True, weight=0) for one in told)


def _shared(
    about: Sequence[Binding], held: Sequence[Grant], common: Table, slips: Slips, who: Account
) -> list[Fact]:
    """State each binding of the operator that has further subjects."""
    return [
        _shared_one(binding, who)
        for binding in about
        if not all(who.is_named_by(subject) for subject in binding.subjects)
        and not binding.default
        and not _not_its_own(binding, held, common, slips, who)
    ]


def _not_its_own(
    binding: Binding, held: Sequence[Grant], common: Table, slips: Slips, who: Account
) -> bool:
    """Whether a binding with further subjects is the cluster's affair, not the operator's.

    Either it gives no more than everybody has, or it gives a role that the cluster came with: then
    what is wrong is that it reaches the account, and the others may well have to stay in it.
    """
    given = [grant for grant in held if grant.binding == binding]
    harmless = all(grant.shipped or not slips.effective(grant.beyond(common)) for grant in given)
    return binding.reaches(who) and harmless


def _shared_one(binding: Binding, who: Account) -> Fact:
    others = [one for one in binding.subjects if not who.is_named_by(one)]
    names = ", ".join(describe_subject(one) for one in others)
    return fact(
        f"{binding.ref} is for {who.name} alone",
        ok=False,
        reason=f"{binding.ref} gives the rights of {binding.role} to {names} as well",
        expected=f"ServiceAccount {who.namespace}/{who.name} as the only subject",
        actual=", ".join(describe_subject(one) for one in binding.subjects),
        fix=fixes.alone(binding, who),
        evidence=[Evidence(str(binding.ref), "subjects", names)],
    )
