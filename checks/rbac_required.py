"""What the operator needs, asked for one by one."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from labgrader.api import Context, Evidence, Fact, Failure, check, fact, grouped
from labgrader.toolkit.rbac import fixes
from labgrader.toolkit.rbac.grants import Grant, confirm, grants
from labgrader.toolkit.rbac.rules import Account, Action, actions, covers_resource, qualified
from labgrader.toolkit.rbac.slips import Slips, served


@check()
def rbac_required(
    ctx: Context, account: str, role: str, required: Sequence[Mapping[str, Any]]
) -> Iterator[Fact]:
    """Works out what the account may do, and compares it with what an operator needs.

    Every Role and ClusterRole that reaches the account counts, however the rules are split, merged,
    aggregated, or bound: by the account's name, or by a group that it is in. Each answer is
    confirmed by a SubjectAccessReview, which is what `kubectl auth can-i --as=…` sends. A rule with
    resourceNames permits these objects only, and never create, list or watch. The permissions on
    one part of the operator's work earn their points together.
    """
    who = Account(ctx.namespace, account)
    held = grants(ctx, who)
    slips = Slips(lambda group: served(ctx.served(group)))
    wanted = {
        action: str(row.get("group", ""))
        for row in required
        for action in actions([row], ctx.namespace)
    }
    asked = {
        action: next((grant for grant in held if grant.permits(action)), None) for action in wanted
    }
    if not any(asked.values()) and all(grant.binding.default for grant in held):
        raise _nothing(who, role)
    missing = _by_resource(action for action, by in asked.items() if by is None)
    for action, by in asked.items():
        confirm(ctx.access_review, who, action, by is not None)
        if by is not None:
            yield from grouped(wanted[action], [_held(action, by, who)])
        elif alike := missing.get(action):
            yield from grouped(wanted[action], [_missing(alike, held, slips, who)])


def _held(action: Action, by: Grant, who: Account) -> Fact:
    return fact(
        str(action),
        True,
        expected=f"yes to: {_question(action, who)}",
        actual="yes",
        evidence=[Evidence(str(by.source), f"rules[{by.index}]", str(by.rule))],
    )


def _by_resource(missing: Iterable[Action]) -> dict[Action, list[Action]]:
    """Return what is missing on the same resource by the first of it: one rule mends it all."""
    found: dict[Action, list[Action]] = {}
    for action in missing:
        found.setdefault(replace(action, verb=""), []).append(action)
    return {alike[0]: alike for alike in found.values()}


def _missing(alike: Sequence[Action], held: Sequence[Grant], slips: Slips, who: Account) -> Fact:
    """State the verbs that are missing on one resource, with the rule that comes nearest."""
    first = alike[0]
    verbs = ", ".join(action.verb for action in alike)
    told = str(first).replace(first.verb, verbs, 1)
    slip = _slipped(first, held, slips)
    return fact(
        told,
        False,
        reason=f"{who.name} may not {told}{slip.reason if slip else _because(first, held)}",
        expected=f"yes to: {_question(first, who)}",
        actual="no",
        fix=slip.fix if slip else _fix(first, alike, held, who),
        evidence=[_evidence(first, held, who)],
    )


class _Slip(NamedTuple):
    """A rule that would permit what is missing, were it not for a slip of the pen."""

    reason: str
    fix: str


def _slipped(action: Action, held: Sequence[Grant], slips: Slips) -> _Slip | None:
    for grant in held:
        if grant.default or grant.binding.namespace not in (None, action.namespace):
            continue
        found = list(slips.of(grant.rule))
        if found and slips.mended(grant.rule).permits(action):
            told = "; ".join(map(str, found))
            ops = fixes.correcting(grant.index, found)
            return _Slip(f": {grant} permits nothing: {told}", fixes.patch(grant.source, ops))
    return None


def _nothing(who: Account, role: str) -> Failure:
    label = f"ServiceAccount {who.namespace}/{who.name}"
    return Failure(
        f"{label} may do nothing: no binding gives it a rule",
        expected="a Role or ClusterRole bound to the account",
        actual="only what every account may do",
        fix=f"kubectl create clusterrolebinding {role}-binding --clusterrole={role}"
        f" --serviceaccount={who.namespace}:{who.name}",
        evidence=[Evidence(label)],
    )


def _question(action: Action, who: Account) -> str:
    """Return the command by which a learner asks the same."""
    resource, _, sub = action.resource.partition("/")
    full = f"{resource}.{action.group}" if action.group else resource
    parts = [f"kubectl auth can-i {action.verb} {full}{'/' + action.name if action.name else ''}"]
    parts += [f"--subresource={sub}"] if sub else []
    parts += [f"-n {action.namespace}"] if action.namespace else []
    return " ".join([*parts, f"--as={who.user}"])


def _near(action: Action, held: Sequence[Grant]) -> list[tuple[str, Grant]]:
    """Return grants that come close, each with what it lacks; the nearest first."""
    found: list[tuple[int, str, Grant]] = []
    for grant in held:
        rule = grant.rule
        if not any(covers_resource(one, action.resource) for one in rule.resources):
            continue
        lacks = []
        if "*" not in rule.groups and action.group not in rule.groups:
            lacks.append(f"has apiGroups {json.dumps(rule.groups)}, not {json.dumps(action.group)}")
        if "*" not in rule.verbs and action.verb not in rule.verbs:
            lacks.append(f"lacks the verb {action.verb}")
        if rule.names and action.name not in rule.names:
            lacks.append(f"holds only for the objects {', '.join(rule.names)} (resourceNames)")
        if grant.binding.namespace not in (None, action.namespace):
            lacks.append(f"holds only in {grant.binding.namespace}")
        # A rule with the verb is nearer than one without: its names or its place are what is wrong.
        far = 2 * len(lacks) + (action.verb not in rule.verbs)
        found.append((far, " and ".join(lacks), grant))
    return [(text, grant) for _, text, grant in sorted(found, key=lambda one: one[0])]


def _because(action: Action, held: Sequence[Grant]) -> str:
    near = _near(action, held)
    return next((f": {grant} {text}" for text, grant in near), ": no rule names it")


def _fix(action: Action, alike: Sequence[Action], held: Sequence[Grant], who: Account) -> str:
    """Return the command that adds all that is missing on one resource.

    To a role that names the resource already; a new role with its binding where there is none.
    """
    verbs = [one.verb for one in alike]
    here = (None, action.namespace)
    near = [g for _, g in _near(action, held) if g.binding.namespace in here and not g.default]
    if near:
        rule = {"apiGroups": [action.group], "resources": [action.resource], "verbs": verbs}
        named = {"resourceNames": [action.name]} if action.name else {}
        added = [{"op": "add", "path": "/rules/-", "value": rule | named}]
        return fixes.patch(near[0].source, added)
    name = f"{who.name}-{action.resource.replace('/', '-')}"
    role, where = ("role", f" -n {action.namespace}") if action.namespace else ("clusterrole", "")
    only = f" --resource-name={action.name}" if action.name else ""
    return (
        f"kubectl create {role} {name}{where} --verb={','.join(verbs)}"
        f" --resource={qualified(action.resource, action.group)}{only}"
        f" && kubectl create {role}binding {name}{where} --{role}={name}"
        f" --serviceaccount={who.namespace}:{who.name}"
    )


def _evidence(action: Action, held: Sequence[Grant], who: Account) -> Evidence:
    shown = next((grant for _, grant in _near(action, held)), None)
    if shown is None:
        return Evidence(f"ServiceAccount {who.namespace}/{who.name}", "rules", "none names it")
    return Evidence(str(shown.source), f"rules[{shown.index}]", str(shown.rule))
