"""Explains why an object is still there after a reset, with a command that helps."""

from __future__ import annotations

import json
from collections.abc import Iterable

from labgrader.errors import Cause, LabError
from labgrader.kube import finalizers
from labgrader.kube.obstacles import Obstacle, Obstacles, short
from labgrader.kube.protocols import Cluster
from labgrader.kube.resources import Object, dig
from labgrader.lab_state.reset_plan import Doomed, Unread


def lines_of(unread: Iterable[Unread], obstacles: Obstacles) -> list[str]:
    """Return one line for each cause: what cannot be read because of it, and what helps.

    Missing rights are one cause: the API server's message on the first of them stands for all.
    """
    causes: dict[str, list[str]] = {}
    first: dict[Cause, str] = {}
    for one in unread:
        line = str(obstacles.of(one.error, one.resource))
        if getattr(one.error, "cause", None) is Cause.FORBIDDEN:
            line = first.setdefault(Cause.FORBIDDEN, line)
        causes.setdefault(line, []).append(one.what)
    return [f"{', '.join(dict.fromkeys(what))}: {cause}" for cause, what in causes.items()]


def cause_of_staying(cluster: Cluster, doomed: Doomed, obstacles: Obstacles) -> str:
    """Return why an object whose deletion was accepted is still there."""
    try:
        found = cluster.get(doomed.resource, doomed.name, doomed.namespace)
    except LabError as error:
        return str(obstacles.of(error, doomed.resource))
    if not dig(found, "metadata.deletionTimestamp"):
        return "it was deleted, and something created it again"
    if doomed.resource.kind == "Namespace":
        return "; ".join(map(str, _of_namespace(found, doomed.name, obstacles)))
    messages = [
        str(condition.get("message"))
        for condition in dig(found, "status.conditions", [])
        if condition.get("status") == "True"
    ]
    return "; ".join([*map(str, _of_finalizers(found, doomed)), *messages])


def _of_finalizers(found: Object | None, doomed: Doomed) -> list[Obstacle]:
    held: list[str] = dig(found, "metadata.finalizers", [])
    if not held:
        return []
    place = f" -n {doomed.namespace}" if doomed.namespace else ""
    what = f"{doomed.resource.kind.lower()} {doomed.name}{place}"
    if finalizers.foreign(doomed.resource.kind, found):
        patch = '{"metadata":{"finalizers":null}}'
        hint = f"Remove them: `kubectl patch {what} --type=merge -p '{patch}'`"
    else:
        hint = f"Kubernetes itself removes them; see why it does not: `kubectl describe {what}`"
    return [Obstacle(f"it is being deleted, and holds the finalizers {', '.join(held)}", hint)]


def _of_namespace(found: Object | None, name: str, obstacles: Obstacles) -> list[Obstacle]:
    """Return what keeps a namespace from being emptied."""
    causes: list[Obstacle] = []
    for condition in dig(found, "status.conditions", []):
        kind, message = str(condition.get("type")), str(condition.get("message"))
        if condition.get("status") != "True":
            continue
        if kind == "NamespaceDeletionDiscoveryFailure" and (dead := obstacles.dead_apis()):
            causes += [
                Obstacle(f"{one.cause}: the namespace cannot be emptied completely", one.help)
                for one in dead
            ]
        else:
            causes.append(obstacles.of_message(message) or Obstacle(short(message)))
    foreign = [one for one in dig(found, "spec.finalizers", []) if one != "kubernetes"]
    if foreign:
        body: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        body["spec"] = {"finalizers": ["kubernetes"]}
        command = f"kubectl replace --raw /api/v1/namespaces/{name}/finalize -f -"
        causes.append(
            Obstacle(
                f"spec.finalizers holds {', '.join(foreign)}",
                f"Remove them: `echo '{json.dumps(body)}' | {command}`",
            )
        )
    return causes or [Obstacle("it is being deleted, and Kubernetes is not done with it")]
