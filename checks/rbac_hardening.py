"""What the lab's own list grants more widely than the operator needs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labgrader.api import Context, Evidence, Fact, check, fact
from labgrader.toolkit.rbac.grants import Grant, grants
from labgrader.toolkit.rbac.rules import Account, Atom, Rule, covers_resource


@check()
def rbac_hardening(
    ctx: Context, account: str, notes: Sequence[Mapping[str, Any]]
) -> Iterator[Fact]:
    """Looks for rights that the lab's list includes and a careful platform team would not give.

    A bonus: the list as it stands earns full marks without it. Whatever an operator may read or
    write, everybody who takes over one of its pods may as well; so each note says what that would
    mean, and what narrower rule does the same work.
    """
    who = Account(ctx.namespace, account)
    held = [grant for grant in grants(ctx, who) if not grant.default]
    for note in notes:
        wide = [grant for grant in held if _touches(grant, note, ctx.namespace)]
        told = "; ".join(f"{grant.source}, rule {grant.index + 1}" for grant in wide)
        yield fact(
            str(note["title"]),
            not wide,
            reason=f"{told}: {note['because']}",
            expected=str(note["title"]),
            actual="; ".join(str(grant.rule) for grant in wide) or "so it is",
            fix=f"In {told}: {note['fix']}",
            evidence=[
                Evidence(str(grant.source), f"rules[{grant.index}]", str(grant.rule))
                for grant in wide
            ],
        )


def _touches(grant: Grant, note: Mapping[str, Any], home: str) -> bool:
    """Whether a grant holds any of what the note names (``outside``: only beyond the namespace)."""
    here = grant.binding.namespace
    if note.get("outside") and here == home:
        return False
    named = list(Rule.of(note).atoms(here))
    return any(_meets(atom, other) for atom in grant.rule.atoms(here) for other in named)


def _meets(held: Atom, named: Atom) -> bool:
    """Whether the one permits something of the other."""
    return (
        not held.url
        and held.verb in ("*", named.verb)
        and held.group in ("*", named.group)
        and covers_resource(held.resource, named.resource)
    )
