"""Tickets: their type, one of them, and what was done to it."""

from collections.abc import Iterator
from itertools import pairwise

from labgrader.api import CRD, Context, Evidence, Fact, Resource, check, dig, fact

from ._shared.kinds import kind_of


@check()
def tickets_defined(ctx: Context, group: str, plural: str) -> Iterator[Fact]:
    """Looks whether the API server stores tickets, which takes an established definition."""
    name = f"{plural}.{group}"
    found = ctx.require(CRD, name, fix=f"Define {name}")
    states = {one["type"]: one["status"] for one in dig(found, "status.conditions", [])}
    yield fact(
        f"{name} is established",
        states.get("Established") == "True",
        reason=f"{name} is not established",
        expected="Established",
        actual=str(states),
        fix=f"kubectl describe crd {name}",
        evidence=[Evidence(f"CustomResourceDefinition {name}", "status.conditions")],
    )


@check()
def ticket_there(
    ctx: Context, group: str, plural: str, kind: str, name: str, priority: int
) -> Iterator[Fact]:
    """Reads the ticket as it is stored."""
    found = ctx.require(kind_of(group, plural, kind), name, ctx.namespace, fix=f"File {name}")
    actual = dig(found, "spec.priority")
    yield fact(
        f"priority is {priority}",
        actual == priority,
        reason=f"priority is {actual} instead of {priority}",
        expected=f"priority {priority}",
        actual=f"priority {actual}",
        fix=f"kubectl patch ticket {name} -n {ctx.namespace} --type=merge"
        f' -p \'{{"spec":{{"priority":{priority}}}}}\'',
        evidence=[Evidence(f"{kind} {ctx.namespace}/{name}", "spec.priority", str(actual))],
    )


@check()
def ticket_raised(ctx: Context, group: str, plural: str, kind: str, name: str) -> Iterator[Fact]:
    """Looks into the record for a change that raised the priority of a ticket that was there."""
    resource: Resource = kind_of(group, plural, kind)
    uid = dig(ctx.get(resource, name, ctx.namespace), "metadata.uid")
    seen = [
        int(dig(one.after, "spec.priority", 0))
        for one in ctx.audited_writes(resource, contents=True) or ()
        if dig(one.after, "metadata.uid") == uid and one.code < 300 and one.verb != "delete"
    ]
    raised = any(after > before for before, after in pairwise(seen))
    yield fact(
        "its priority was raised",
        raised,
        reason=f"The record tells of no change that raised it: {seen or 'nothing was done'}",
        expected="a change to a higher priority",
        actual=str(seen),
        fix=f"File {name} with priority 1, then raise it to 2",
        evidence=[Evidence(f"{kind} {ctx.namespace}/{name}", "audit log")],
    )
