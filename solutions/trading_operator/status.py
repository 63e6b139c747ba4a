"""What the status of a TradingAlgorithm should say. Pure: objects in, a patch out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trading_operator.kinds import Object

READY, PROGRESSING = "Ready", "Progressing"


@dataclass(frozen=True, slots=True)
class View:
    """How a resource does. ``reason`` and ``message`` explain ``phase``."""

    phase: str
    reason: str
    message: str
    replicas: int = 0
    ready: int = 0


def look(deployment: Object | None, problem: tuple[str, str] | None) -> View:
    """Judge a resource by its Deployment, and by what went wrong (reason, message) if anything."""
    status = (deployment or {}).get("status") or {}
    replicas, ready = int(status.get("replicas") or 0), int(status.get("readyReplicas") or 0)
    if problem:
        return View("Error", *problem, replicas, ready)
    if deployment is None:
        return View("Pending", "DeploymentMissing", "The Deployment is not there yet")
    want = int(deployment["spec"].get("replicas", 1))
    message = f"{ready} of {want} trading algorithm pods are ready"
    if want == 0:
        return View("Suspended", "ScaledToZero", "Somebody scaled it to zero", replicas, ready)
    conditions = status.get("conditions") or ()
    if any(c.get("reason") == "ProgressDeadlineExceeded" for c in conditions):
        return View("Error", "ProgressDeadlineExceeded", message, replicas, ready)
    known = int(status.get("observedGeneration") or 0) >= deployment["metadata"].get(
        "generation", 0
    )
    updated = int(status.get("updatedReplicas") or 0)
    if known and ready == want == replicas == updated:
        return View("Active", "DeploymentReady", message, replicas, ready)
    if ready == 0:
        return View("Pending", "PodsNotReady", message, replicas, ready)
    return View("Scaling", "DeploymentProgressing", message, replicas, ready)


def patch(obj: Object, view: View, now: str) -> Object:
    """Return the fields of the status that must change for ``obj`` to say ``view``; {} for none.

    Conditions of other types are kept; ``totalTrades`` and ``dailyPnL`` are not ours.
    """
    there = obj.get("status")
    there = there if isinstance(there, dict) else {}
    wish: Object = {
        "phase": view.phase,
        "replicas": view.replicas,
        "readyReplicas": view.ready,
        "observedGeneration": obj["metadata"].get("generation"),
        "conditions": _conditions(_listed(there.get("conditions")), view, now),
    }
    return {key: value for key, value in wish.items() if there.get(key) != value}


def says(there: Object, problem: tuple[str, str]) -> bool:
    """Whether a status names this very problem already."""
    found = [c for c in _listed(there.get("conditions")) if c.get("type") == READY]
    return any((c.get("reason"), c.get("message")) == problem for c in found)


def timeless(value: Any) -> Any:
    """Return conditions without their times, for comparing; anything else as it is."""
    if not isinstance(value, list) or not all(isinstance(c, dict) for c in value):
        return value
    return [{k: v for k, v in c.items() if k != "lastTransitionTime"} for c in value]


def _listed(conditions: Any) -> list[Object]:
    """Return conditions that are some: without a schema a status may hold anything."""
    found = conditions if isinstance(conditions, list) else []
    return [one for one in found if isinstance(one, dict)]


def _conditions(there: list[Object], view: View, now: str) -> list[Object]:
    moving = view.phase in ("Pending", "Scaling")
    ours = {
        READY: "True" if view.phase == "Active" else "False",
        PROGRESSING: "True" if moving else "False",
    }
    before = {str(c.get("type")): c for c in there}
    kept = [c for kind, c in before.items() if kind not in ours]
    for kind, status in ours.items():
        old = before.get(kind) or {}
        since = old.get("lastTransitionTime") if old.get("status") == status else None
        kept.append(
            {
                "type": kind,
                "status": status,
                "lastTransitionTime": since or now,
                "reason": view.reason,
                "message": view.message,
            }
        )
    return kept
