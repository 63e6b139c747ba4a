"""What a group or an account must be able to do in one namespace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from labgrader.api import (
    CLUSTER_ROLE,
    ROLE,
    ROLE_BINDING,
    Context,
    Evidence,
    Fact,
    check,
    fact,
    grouped,
)
from labgrader.toolkit.rbac import fixes
from labgrader.toolkit.rbac.grants import Binding, Grant, Ref, bindings, confirm, grants
from labgrader.toolkit.rbac.identities import Identity
from labgrader.toolkit.rbac.rules import Action, actions, covers_resource, qualified
from labgrader.toolkit.rbac.slips import Slips, served

from ._shared.rights import Rows, bind, identity_of, label_of, near_subjects, question


@check()
def rights_required(
    ctx: Context, who: Mapping[str, str], namespace: str, required: Rows, role: str = ""
) -> Iterator[Fact]:
    """Works out what a group or an account may do, and compares it with what it needs.

    Every Role and ClusterRole counts that reaches it, however its rules are written, merged or
    aggregated. Each answer is confirmed by an access review with user and groups, which is what
    `kubectl auth can-i --as=… --as-group=…` sends. `role` is the ClusterRole that ships with
    Kubernetes and would do; a role of your own is as good.
    """
    needs = _Needs(ctx, identity_of(who), namespace, role)
    titles = {
        action: str(row.get("group", "Permissions"))
        for row in required
        for action in actions([row], namespace)
    }
    yield from needs.judged(titles)


class _Needs:
    """What one identity holds in one namespace."""

    def __init__(self, ctx: Context, who: Identity, namespace: str, role: str) -> None:
        self._ctx = ctx
        self._who = who
        self._namespace = namespace
        self._role = role
        here = bindings(ctx, lambda one: one.namespace in (None, namespace))
        self._here: list[Binding] = here
        self._held: list[Grant] = [one for one in grants(ctx, who, here) if not one.default]
        self._slips = Slips(lambda group: served(ctx.served(group)))

    def judged(self, titles: Mapping[Action, str]) -> Iterator[Fact]:
        """Yield a fact for each action; those that are missing on one resource together."""
        by = {
            action: next((one for one in self._held if one.permits(action)), None)
            for action in titles
        }
        missing: dict[Action, list[Action]] = {}
        for action in (one for one, grant in by.items() if grant is None):
            missing.setdefault(replace(action, verb=""), []).append(action)
        first = {alike[0]: alike for alike in missing.values()}
        for action, grant in by.items():
            confirm(self._ctx.access_review, self._who, action, grant is not None)
            if grant is not None:
                yield from grouped(titles[action], [self._allowed(action, grant)])
            elif action in first:
                yield from grouped(titles[action], [self._missing(first[action])])

    def _allowed(self, action: Action, grant: Grant) -> Fact:
        return fact(
            str(action),
            True,
            expected=f"yes to: {question(action, self._who)}",
            actual="yes",
            evidence=[Evidence(str(grant.source), f"rules[{grant.index}]", str(grant.rule))],
        )

    def _missing(self, alike: Sequence[Action]) -> Fact:
        first = alike[0]
        verbs = ", ".join(one.verb for one in alike)
        told = str(first).replace(first.verb, verbs, 1)
        because, fix = self._cause(alike)
        return fact(
            told,
            False,
            reason=f"{label_of(self._who)} may not {told}: {because}",
            expected=f"yes to: {question(first, self._who)}",
            actual="no",
            fix=fix,
            evidence=[Evidence(label_of(self._who), "permissions", because)],
        )

    def _cause(self, alike: Sequence[Action]) -> tuple[str, str]:
        """Return why an action is not allowed, and the smallest fix."""
        action = alike[0]
        for grant in self._held:
            slips = list(self._slips.of(grant.rule))
            if slips and self._slips.mended(grant.rule).permits(action):
                told = "; ".join(map(str, slips))
                ops = fixes.correcting(grant.index, slips)
                return f"{grant} permits nothing: {told}", fixes.patch(grant.source, ops)
        if not self._held:
            return self._unbound(alike)
        near = next((one for one in self._held if self._is_near(one, action)), None)
        if near is not None:
            return self._narrow(near, action), self._added(near, alike)
        own = next((one for one in self._held if not one.shipped and one.binding.namespace), None)
        if own is not None:
            return "no rule names it", self._added(own, alike)
        return f"{self._held[0].binding.role} has no rule for it", self._made(alike)

    @staticmethod
    def _is_near(grant: Grant, action: Action) -> bool:
        return any(covers_resource(one, action.resource) for one in grant.rule.resources)

    @staticmethod
    def _narrow(grant: Grant, action: Action) -> str:
        if grant.rule.names:
            return f"{grant} holds for the objects {', '.join(grant.rule.names)} only"
        if action.verb in grant.rule.verbs:
            return f"{grant} is for another API group"
        return f"{grant} lacks the verb {action.verb}"

    def _added(self, grant: Grant, alike: Sequence[Action]) -> str:
        """Return the command that adds a rule to a role of the learner's own."""
        if grant.shipped or not grant.binding.namespace:
            return self._made(alike)
        verbs, first = [one.verb for one in alike], alike[0]
        rule = {"apiGroups": [first.group], "resources": [first.resource], "verbs": verbs}
        return fixes.patch(grant.source, [{"op": "add", "path": "/rules/-", "value": rule}])

    def _unbound(self, alike: Sequence[Action]) -> tuple[str, str]:
        """Return why no role reaches the identity here, and the command that binds one."""
        label, name = label_of(self._who), str(self._who.subject["name"])
        for binding, why in near_subjects(self._here, self._who):
            if binding.namespace and self._exists(binding.role):
                command = f"kubectl set subject {binding.ref.arguments}"
                flag = bind("", "", binding.role, self._who).rpartition(" ")[2]
                return f"{binding.ref} {why}", f"{command} {flag}"
        mine = (one for one in self._here if one.reaches(self._who) and not one.default)
        dangling = next((one for one in mine if not self._exists(one.role)), None)
        if dangling is not None:
            because = f"{dangling.ref} gives {dangling.role}, which does not exist"
            again = f"kubectl delete {dangling.ref.arguments} && {self._made(alike)}"
            return because, again
        if self._ctx.get(ROLE, name, self._namespace) is not None and not self._role:
            role = Ref(ROLE, name, self._namespace)
            return f"no RoleBinding in {self._namespace} names {label}", bind(
                name, self._namespace, role, self._who
            )
        return f"no RoleBinding in {self._namespace} names {label}", self._made(alike)

    def _exists(self, role: Ref) -> bool:
        return self._ctx.get(role.resource, role.name, role.namespace) is not None

    def _made(self, alike: Sequence[Action]) -> str:
        """Return the command that binds the shipped role, or a new one with what is missing."""
        name = str(self._who.subject["name"])
        if self._role and not any(one.binding.role.name == self._role for one in self._held):
            role = Ref(CLUSTER_ROLE, self._role)
            return bind(self._free(f"{name}-{self._role}"), self._namespace, role, self._who)
        first, where = alike[0], f"-n {self._namespace}"
        own = self._free(f"{name}-{first.resource.replace('/', '-')}")
        verbs = ",".join(one.verb for one in alike)
        return (
            f"kubectl create role {own} {where} --verb={verbs}"
            f" --resource={qualified(first.resource, first.group)} && "
            + bind(own, self._namespace, Ref(ROLE, own, self._namespace), self._who)
        )

    def _free(self, name: str) -> str:
        """Return a name that neither a Role nor a RoleBinding of the namespace has."""
        taken = any(self._ctx.get(one, name, self._namespace) for one in (ROLE, ROLE_BINDING))
        return f"{name}-{self._namespace}" if taken else name
