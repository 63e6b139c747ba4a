"""Whether the lead has passed from one copy of the operator to another."""

from collections.abc import Iterator

from labgrader.api import DEPLOYMENT, LEASE, Context, Evidence, Fact, Failure, check, fact, name_of
from labgrader.toolkit.kubernetes import handovers, leader, writes_of
from labgrader.toolkit.workloads import Workload, is_ready


@check(capabilities=("containers",))
def failover(ctx: Context, lease: str, deployment: str) -> Iterator[Fact]:
    """Checks that the lead has passed to another copy, and that one more is ready to take it.

    Two Ready pods or more, a Lease that is held now, and a change from one pod that has renewed it
    to another one. Where the cluster records who writes the Lease (the lab's own does), the record
    counts and not `leaseTransitions`, which can be typed; a pod that comes back after another one
    is no failover. Elsewhere `leaseTransitions` of a renewed Lease counts.
    """
    workload = Workload.read(ctx, deployment)
    ready = [name_of(pod) for pod in workload.current() if is_ready(pod)]
    where = ctx.namespace
    label = DEPLOYMENT.describe(deployment, where)
    if len(ready) < 2:
        raise Failure(
            f"{len(ready)} copy of the operator is Ready: no other could take over",
            expected="2 Ready pods or more",
            actual=", ".join(ready) or "none",
            fix=f"kubectl scale deployment {deployment} -n {where} --replicas=2",
            evidence=[Evidence(label, "status.readyReplicas", str(len(ready)))],
        )
    found = ctx.require(LEASE, lease, where)
    leads = leader(found, ctx.server_time())
    written = writes_of(ctx.audited_writes(LEASE) or (), found)
    sets = tuple(f"{name_of(one)}-" for one in workload.sets)
    own = [one for one in written if one.pod.startswith(sets)]
    if written:
        changes = list(handovers(own))
        shown = "; ".join(f"from {before} to {after}" for before, after in changes[-2:])
        shown = shown or "no pod has taken it from another one"
    else:
        changes = [("", "")] * (leads.transitions if leads else 0)
        shown = f"{len(changes)} changes"
    shown = f"held by {leads.holder}, {shown}" if leads else "not held now"
    yield fact(
        "the lead has changed hands",
        bool(leads and changes),
        reason=f"The lead has never passed from one copy to another: {shown}",
        expected="a holder, and a change from one pod to another",
        actual=shown,
        fix=f"kubectl delete pod THE-LEADER -n {where}; then watch the others:"
        f" kubectl get lease {lease} -n {where} -w",
        evidence=[
            Evidence(LEASE.describe(lease, where), "audit log" if written else "spec", shown)
        ],
    )
