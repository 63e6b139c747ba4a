"""Reads HorizontalPodAutoscalers: CPU target, and others that scale the same Deployment. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from labgrader.grading.findings import Fact, fact
from labgrader.kube.resources import AUTOSCALER, Object, dig, name_of
from labgrader.model.result import Evidence


def cpu_target(scaler: Object) -> tuple[int | None, str]:
    """Return the average CPU utilization that it aims at, and the one container that it looks at.

    None where it does not scale by CPU utilization; an empty name stands for all containers.
    """
    for metric in dig(scaler, "spec.metrics", []):
        for kind in ("resource", "containerResource"):
            if dig(metric, f"{kind}.name") == "cpu":
                target = dig(metric, f"{kind}.target.averageUtilization")
                if target is not None:
                    return int(target), str(dig(metric, f"{kind}.container", ""))
    return None, ""


def beside(scaler: str, deployment: str, scalers: Sequence[Object]) -> list[str]:
    """Return the names of the other autoscalers that scale the same Deployment."""
    return sorted(
        name_of(one)
        for one in scalers
        if name_of(one) != scaler
        and dig(one, "spec.scaleTargetRef.kind") == "Deployment"
        and dig(one, "spec.scaleTargetRef.name") == deployment
    )


def scales_alone(scaler: Object, deployment: str, scalers: Sequence[Object]) -> Fact:
    """State that no second autoscaler sets the replicas of the same Deployment."""
    where = dig(scaler, "metadata.namespace")
    others = beside(name_of(scaler), deployment, scalers) if deployment else []
    label = AUTOSCALER.describe(name_of(scaler), where)
    return fact(
        f"{label} alone scales {deployment or 'its target'}",
        not others,
        reason=f"A second autoscaler scales {deployment} as well: {', '.join(others)}. The two"
        " overwrite each other's replicas",
        expected=f"only {name_of(scaler)}",
        actual=", ".join(others) or "only this one",
        fix=f"kubectl delete hpa {' '.join(others)} -n {where}",
        evidence=[Evidence(label, "spec.scaleTargetRef", ", ".join(others))],
    )
