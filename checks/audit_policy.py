"""The audit policy that a learner stored: what the API server would log by it."""

from collections.abc import Iterator, Mapping, Sequence

from labgrader.api import CONFIG_MAP, Context, Evidence, Fact, Failure, check, fact
from labgrader.toolkit.audit_policy import ANY_NAME, BadPolicy, leaks, names_in
from labgrader.toolkit.audit_policy import Policy as AuditPolicy
from labgrader.toolkit.audit_policy import Request as AuditRequest
from labgrader.toolkit.config_maps import NotReadable, stored_yaml, text_under

CHANGES = ("create", "update", "patch", "delete")
TOUCHES = ("get", "list", "watch", *CHANGES, "deletecollection")
PEOPLE = {
    "kubernetes-admin": ("system:masters", "system:authenticated"),
    "system:serviceaccount:ci:deployer": (
        "system:serviceaccounts",
        "system:serviceaccounts:ci",
        "system:authenticated",
    ),
}
"""Who makes the sample changes: a person, and a pipeline. The operator's own may be left out."""

MOST_NAMES = 50
"""How many of the names that a policy names are tried."""


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
    pipeline to what the lab is about must be logged, at whatever level and whatever its name is. A
    Secret must never be logged above Metadata, because from Request on its data would be in the
    log: whoever touches it, under whichever name, in whichever namespace, or by a list or watch of
    all namespaces, whose namespace is empty. The sample requests are made of what the rules
    themselves name. Further rules are yours.

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
    used, text = text_under(found, key)
    try:
        return AuditPolicy.of(stored_yaml(text)), used
    except (NotReadable, BadPolicy) as error:
        raise Failure(
            f"data[{used}] is no audit policy: {error}",
            expected="a Policy of audit.k8s.io/v1 that the API server would start with",
            actual=str(error),
            fix=f"kubectl edit configmap {name} -n {ctx.namespace}",
            evidence=[Evidence(label, f"data[{used}]", str(error))],
        ) from error


def _changes(
    policy: AuditPolicy, kind: Mapping[str, str], namespace: str
) -> Iterator[AuditRequest]:
    """Yield what every one of the sample people changes, under any name and those in the policy."""
    names = [ANY_NAME, *names_in(policy.rules, kind["group"])[:MOST_NAMES]]
    for user, groups in PEOPLE.items():
        for verb in CHANGES:
            for name in [""] if verb == "create" else names:
                yield AuditRequest(
                    user, groups, verb, kind["group"], kind["resource"], namespace, name
                )


def _told(asked: AuditRequest) -> str:
    named = f" {asked.name}" if asked.name not in ("", ANY_NAME) else ""
    where = f"in {asked.namespace}" if asked.namespace else "in all namespaces"
    return f"{asked.verb} {asked.resource}{named} {where} by {asked.user}"


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
    asked = _changes(policy, kind, ctx.namespace)
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
    found = leaks(policy, kind["group"], kind["resource"], TOUCHES, [ctx.namespace, "kube-system"])
    worst = next(found, None)
    why = f"{_told(worst)} at {policy.level(worst)}: {_by(policy, worst)}" if worst else "none is"
    return fact(
        f"what is in {kind['resource']} is never logged",
        worst is None,
        weight=2,
        reason=f"The content of {kind['resource']} would be in the log: {why}",
        expected=f"{kind['resource']} at Metadata at most, before any wider rule",
        actual=why,
        fix=f"{edit}, and put a rule for {kind['resource']} at level Metadata first",
        evidence=[Evidence(label, f"data[{key}]", why)],
    )
