"""Whether autoscaling has happened."""

from collections.abc import Iterator

from labgrader.api import AUTOSCALER, EVENT, Context, Evidence, Fact, check, dig, fact


@check(capabilities=("containers",))
def scaled_by_load(ctx: Context, autoscaler: str) -> Iterator[Fact]:
    """Looks whether the autoscaler has made more pods because the ones there were busy.

    It divides the CPU that pods use by what they request, which takes figures from metrics-server.
    It says so in an event when it scales; events are kept for an hour. More pods that somebody else
    asked for prove nothing, nor does what an earlier autoscaler of the name has done.
    """
    scaler = ctx.require(AUTOSCALER, autoscaler, ctx.namespace)
    label = AUTOSCALER.describe(autoscaler, ctx.namespace)
    figures = dig(scaler, "status.currentMetrics", [])
    known = any(dig(one, "resource.current.averageUtilization") is not None for one in figures)
    yield fact(
        "the autoscaler sees CPU figures",
        known,
        reason=f"{label} shows <unknown>: no figures come from metrics-server",
        expected="a percentage",
        actual="known" if known else "<unknown>",
        fix="Pods need CPU requests; figures come half a minute after a pod's start",
        evidence=[Evidence(label, "status.currentMetrics", str(figures)[:200])],
    )
    target = str(dig(scaler, "spec.scaleTargetRef.name", "the Deployment"))
    low, now = dig(scaler, "spec.minReplicas", 1), dig(scaler, "status.currentReplicas", 0)
    told = [
        str(event.get("message"))
        for event in ctx.list(EVENT, ctx.namespace)
        if dig(event, "involvedObject.uid") == dig(scaler, "metadata.uid")
        and event.get("reason") == "SuccessfulRescale"
        and "above target" in str(event.get("message"))
    ]
    yield fact(
        "it has scaled up under load",
        bool(told),
        reason=f"{label} has not scaled up under load: it runs {now} replicas, at least {low}",
        expected=f"more than {low} replicas under load",
        actual=told[-1] if told else f"{now} replicas",
        fix=f"Put load on the pods of {target} (the step has a command) until"
        f" `kubectl get hpa {autoscaler} -n {ctx.namespace}` shows a value above its target",
        evidence=[Evidence(label, "status.currentReplicas", str(now))],
    )
