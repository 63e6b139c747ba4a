"""The lab's namespace."""

from collections.abc import Iterator

from labgrader.api import NAMESPACE, Context, Evidence, Fact, check, dig, fact


@check()
def namespace_active(ctx: Context, name: str) -> Iterator[Fact]:
    """Looks at the namespace and its phase.

    A namespace that is being deleted still answers, but takes no new objects; so only one that is
    Active counts.
    """
    namespace = ctx.require(NAMESPACE, name, fix=f"kubectl create namespace {name}")
    phase = dig(namespace, "status.phase", "unknown")
    yield fact(
        f"{name} is Active",
        phase == "Active" and not dig(namespace, "metadata.deletionTimestamp"),
        reason=f"The namespace {name} is {phase}: it takes no new objects",
        expected="phase Active",
        actual=f"phase {phase}",
        fix=_release(namespace, name),
        evidence=[Evidence(f"Namespace {name}", "status.phase", phase)],
    )


def _release(namespace: dict[str, object], name: str) -> str:
    """Say what the deletion waits for, in the namespace's own words."""
    waiting = [
        str(condition.get("message", ""))
        for condition in dig(namespace, "status.conditions", [])
        if condition.get("status") == "True" and "Remaining" in str(condition.get("type"))
    ]
    told = f" ({'; '.join(waiting)})" if waiting else ""
    return f"Wait until the namespace {name} is gone{told}, then create it again"
