"""The audit policy that a learner stored: what the API server would log by it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labgrader.api import (
    CONFIG_MAP,
    LEVELS,
    AuditPolicy,
    AuditRequest,
    BadPolicy,
    Context,
    Evidence,
    Fact,
    Failure,
    NotReadable,
    check,
    dig,
    fact,
    stored_yaml,
)

CHANGES = ("create", "update", "patch", "delete")
TOUCHES = ("get", "list", "watch", *CHANGES)
PEOPLE = {
    "kubernetes-admin": ("system:masters", "system:authenticated"),
    "system:serviceaccount:ci:deployer": (
        "system:serviceaccounts",
        "system:serviceaccounts:ci",
        "system:authenticated",
    ),
}
"""Who does the sample deeds: a person, and a pipeline. The operator's own may be left out."""


@check()
def audit_policy(
    ctx: Context,
    name: str,
    key: str,
    recorded: Sequence[Mapping[str, str]],
    private: Sequence[Mapping[str, str]],
) -> Iterator[Fact]:
    """Reads the policy as the API server would, and asks it about sample requests.

    The server takes the first rule that matches, so the order counts. A change by a person or a
    pipeline to what the lab is about must be logged, at whatever level; a Secret must never be
    logged above Metadata, whoever touches it in whichever namespace, because from Request on its
    data would stand in the log. Further rules are yours.

    In a ConfigMap a policy changes nothing: the API server reads a file when it starts.
    `labgrader cluster audit` starts one with your policy, and shows what it writes down.
    """
    policy, used = _policy(ctx, name, key)
    label = CONFIG_MAP.describe(name, ctx.namespace)
    edit = f"kubectl edit configmap {name} -n {ctx.namespace}"
    for one in recorded:
        yield _recorded(ctx, policy, one, label, used, edit)
    for one in private:
        yield _private(ctx, policy, one, label, used, edit)


def _policy(ctx: Context, name: str, key: str) -> tuple[AuditPolicy, str]:
    """Return the policy, and the key it stands under (any, if there is only one)."""
    fix = f"kubectl create configmap {name} -n {ctx.namespace} --from-file={key}"
    found = ctx.require(CONFIG_MAP, name, ctx.namespace, fix=fix)
    label = CONFIG_MAP.describe(name, ctx.namespace)
    texts: Mapping[str, str] = dig(found, "data", {})
    used = key if key in texts or len(texts) != 1 else next(iter(texts))
    try:
        if used not in texts:
            raise NotReadable("it is not there")
        return AuditPolicy.of(stored_yaml(texts[used])), used
    except (NotReadable, BadPolicy) as error:
        raise Failure(
            f"data[{used}] is no audit policy: {error}",
            expected="a Policy of audit.k8s.io/v1 that the API server would start with",
            actual=str(error),
            fix=f"kubectl edit configmap {name} -n {ctx.namespace}",
            evidence=[Evidence(label, f"data[{used}]", str(error))],
        ) from error


def _requests(kind: Mapping[str, str], verbs: Sequence[str], spaces: Sequence[str]) -> Any:
    """Yield what every one of the sample people does to a resource."""
    resource, _, subresource = kind["resource"].partition("/")
    for user, groups in PEOPLE.items():
        for verb in verbs:
            for space in spaces:
                name = "" if verb in ("list", "watch", "create") else "sample"
                yield AuditRequest(
                    user, groups, verb, kind["group"], resource, space, name, subresource
                )


def _told(asked: AuditRequest) -> str:
    return f"{asked.verb} {asked.resource} in {asked.namespace} by {asked.user}"


def _by(policy: AuditPolicy, asked: AuditRequest) -> str:
    at = policy.rule_for(asked)
    return "no rule matches" if at is None else f"rules[{at}] decides"


def _recorded(
    ctx: Context,
    policy: AuditPolicy,
    kind: Mapping[str, str],
    label: str,
    key: str,
    edit: str,
) -> Fact:
    """State that every change to a resource is logged."""
    asked = list(_requests(kind, CHANGES, [ctx.namespace]))
    lost = next((one for one in asked if policy.level(one) == "None"), None)
    why = f"{_told(lost)}: {_by(policy, lost)}" if lost else "all are logged"
    return fact(
        f"changes to {kind['resource']} are logged",
        lost is None,
        weight=2 if kind["group"] == "fintech.io" else 1,
        reason=f"Nobody would know of: {why}",
        expected=f"{', '.join(CHANGES)} of {kind['resource']} at Metadata or above",
        actual=why,
        fix=f"{edit}, and let an earlier rule log {kind['resource']} in {ctx.namespace}",
        evidence=[Evidence(label, f"data[{key}]", why)],
    )


def _private(
    ctx: Context,
    policy: AuditPolicy,
    kind: Mapping[str, str],
    label: str,
    key: str,
    edit: str,
) -> Fact:
    """State that no request for a resource is logged with its content."""
    asked = list(_requests(kind, TOUCHES, [ctx.namespace, "kube-system"]))
    most = max(asked, key=lambda one: LEVELS.index(policy.level(one)))
    level = policy.level(most)
    why = f"{_told(most)} at {level}: {_by(policy, most)}"
    return fact(
        f"what is in {kind['resource']} is never logged",
        level in ("None", "Metadata"),
        weight=2,
        reason=f"The content of {kind['resource']} would be in the log: {why}",
        expected=f"{kind['resource']} at Metadata at most, before any wider rule",
        actual=why,
        fix=f"{edit}, and put a rule for {kind['resource']} at level Metadata first",
        evidence=[Evidence(label, f"data[{key}]", why)],
    )
