"""The ServiceAccount of the deployment job."""

from collections.abc import Iterator

from labgrader.api import (
    SERVICE_ACCOUNT,
    ClusterError,
    Context,
    Evidence,
    Fact,
    Failure,
    check,
    dig,
    fact,
    name_of,
)


@check()
def deployer_account(ctx: Context, name: str, namespace: str) -> Iterator[Fact]:
    """Looks at the ServiceAccount, and that it is in the production namespace.

    The namespace of an account decides who can use it: users who may edit it can create a token for
    the account, or a Pod that runs as it.
    """
    label = SERVICE_ACCOUNT.describe(name, namespace)
    create = f"kubectl create serviceaccount {name} -n {namespace}"
    found = ctx.get(SERVICE_ACCOUNT, name, namespace)
    elsewhere = _elsewhere(ctx, name, namespace)
    if found is None and elsewhere:
        raise Failure(
            f"{label} does not exist; there is one in {elsewhere}",
            expected=label,
            actual=f"ServiceAccount {elsewhere}/{name}",
            fix=create,
            evidence=[Evidence(label)],
        )
    account = found or ctx.require(SERVICE_ACCOUNT, name, namespace, fix=create)
    gone = dig(account, "metadata.deletionTimestamp")
    yield fact(
        f"{label} exists",
        not gone,
        reason=f"{label} is being deleted",
        expected=label,
        actual=f"deletionTimestamp {gone}" if gone else label,
        fix=f"Wait until {label} is gone, then: {create}",
        evidence=[Evidence(label)],
    )


def _elsewhere(ctx: Context, name: str, namespace: str) -> str:
    """Return another namespace with an account of this name; a hint, so errors do not count."""
    try:
        found = ctx.list(SERVICE_ACCOUNT)
    except ClusterError:
        return ""
    spaces = sorted(str(dig(one, "metadata.namespace")) for one in found if name_of(one) == name)
    return next((one for one in spaces if one != namespace), "")
