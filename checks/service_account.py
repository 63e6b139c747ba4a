"""The operator's own identity."""

from collections.abc import Iterator, Sequence

from labgrader.api import (
    SERVICE_ACCOUNT,
    ClusterError,
    Context,
    Evidence,
    Fact,
    Failure,
    Object,
    check,
    dig,
    fact,
    name_of,
)


@check()
def service_account(ctx: Context, name: str, annotations: Sequence[str]) -> Iterator[Fact]:
    """Looks at the service account: that it is there, says what it is for, and mounts its token.

    An account of its own lets rights be given to this program and to nothing else in the namespace.
    Any one of the named annotations may hold the description, in words of your own. Pods mount the
    account's token unless `automountServiceAccountToken` is false, so leaving the field out is as
    good as true.
    """
    account = _present(ctx, name)
    label = SERVICE_ACCOUNT.describe(name, ctx.namespace)
    yield _described(ctx, name, annotations, account)
    mounts = account.get("automountServiceAccountToken")
    yield fact(
        "the token is mounted into pods",
        mounts is not False,
        reason=f"Pods of {name} get no token: they cannot speak to the API server",
        expected="automountServiceAccountToken true, or not set",
        actual="automountServiceAccountToken false" if mounts is False else "it is mounted",
        fix=f"kubectl patch serviceaccount {name} -n {ctx.namespace} --type=merge"
        """ -p '{"automountServiceAccountToken": true}'""",
        evidence=[Evidence(label, "automountServiceAccountToken", str(mounts))],
    )


def _present(ctx: Context, name: str) -> Object:
    """Return the account; fail and say where another of its name stands."""
    account = ctx.get(SERVICE_ACCOUNT, name, ctx.namespace)
    if account is not None and not dig(account, "metadata.deletionTimestamp"):
        return account
    label = SERVICE_ACCOUNT.describe(name, ctx.namespace)
    create = f"kubectl create serviceaccount {name} -n {ctx.namespace}"
    if account is not None:
        raise Failure(
            f"{label} is being deleted",
            expected="a service account that stays",
            actual=f"deletionTimestamp {dig(account, 'metadata.deletionTimestamp')}",
            fix=f"Wait until the ServiceAccount {name} is gone, and create it again",
            evidence=[Evidence(label, "metadata.deletionTimestamp")],
        )
    elsewhere = ", ".join(_namespaces(ctx, name))
    if not elsewhere:
        return ctx.require(SERVICE_ACCOUNT, name, ctx.namespace, fix=create)
    raise Failure(
        f"{label} does not exist; there is one in {elsewhere}",
        expected=label,
        actual=f"found in {elsewhere}",
        fix=create,
        evidence=[Evidence(label)],
    )


def _namespaces(ctx: Context, name: str) -> list[str]:
    """Return where accounts of this name are; only a hint, so nothing where it may not be asked."""
    try:
        everywhere = ctx.list(SERVICE_ACCOUNT)
    except ClusterError:
        return []
    return sorted(str(dig(one, "metadata.namespace")) for one in everywhere if name_of(one) == name)


def _described(ctx: Context, name: str, annotations: Sequence[str], account: Object) -> Fact:
    given = dig(account, "metadata.annotations", {})
    found = [str(given[key]) for key in annotations if str(given.get(key, "")).strip()]
    wanted = annotations[0] if annotations else ""
    there = ", ".join(sorted(given)) or "none"
    return fact(
        f"the annotation {wanted} says what it is for",
        bool(found),
        reason=f"The annotation {wanted} is empty"
        if wanted in given
        else f"There is no annotation {wanted} (annotations: {there})",
        expected=f"annotation {wanted} with a text",
        actual=found[0] if found else f"annotations: {there}",
        fix=f"kubectl annotate serviceaccount {name} -n {ctx.namespace} --overwrite"
        f" {wanted}='what this account is for'",
        evidence=[
            Evidence(
                SERVICE_ACCOUNT.describe(name, ctx.namespace),
                f"metadata.annotations[{wanted}]",
                found[0] if found else "not set",
            )
        ],
    )
