"""The measurements of the lessons on performance: small, on the chosen cluster, nothing stays.

Each returns rows: what was done, how many requests it took, how many kilobytes came back, and how
many milliseconds. What matters is how the rows compare, not the figures themselves.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from labgrader.errors import LabError, Rejected
from labgrader.grading.temporary_objects import MARK, PREFIX
from labgrader.kube.protocols import Cluster
from labgrader.kube.resources import CONFIG_MAP, CRD, Object, Resource, dig, name_of
from labgrader.kube.rest_mapper import RestMapper
from labgrader.kube.waiting import wait_until, wait_until_gone
from labgrader.util import threads

WRITES = 48
READS = 60
ROUNDS = 20
OBJECTS = 60
GROUP = "lesson.labgrader.dev"
SAMPLE = Resource(GROUP, "v1", "samples", "Sample")
_CRD_NAME = f"{SAMPLE.plural}.{GROUP}"
_SELECTED = "fieldSelector=spec.zone%3Dblue"


@dataclass(frozen=True, slots=True)
class Row:
    """One way of doing it."""

    what: str
    requests: int
    kilobytes: float
    milliseconds: float


def workers(cluster: Cluster, namespace: str) -> Iterator[Row]:
    """Send the same writes (dry-runs, so nothing is stored) with one worker, with four, with 16."""

    def write(number: int) -> None:
        body = _config_map({"data": {str(number): "x" * 2000}})
        cluster.create(CONFIG_MAP, body, namespace, dry_run=True)

    for count in (1, 4, 16):
        before, began = cluster.requests, time.monotonic()
        threads.parallel_for(write, range(WRITES), count)
        yield _row(f"{count} worker{'s' * (count > 1)}", cluster, before, 0, began)


def cache(cluster: Cluster, namespace: str) -> Iterator[Row]:
    """Look at the ConfigMaps of the namespace again and again: by requests, and out of a copy."""
    names = [name_of(one) for one in cluster.list(CONFIG_MAP, namespace) or []] or ["none"]
    before, began, size = cluster.requests, time.monotonic(), 0
    for number in range(READS):
        size += _size(cluster.get(CONFIG_MAP, names[number % len(names)], namespace))
    yield _row(f"{READS} looks, a GET each", cluster, before, size, began)
    before, began = cluster.requests, time.monotonic()
    copies = {name_of(one): one for one in cluster.list(CONFIG_MAP, namespace) or []}
    size = _size(list(copies.values()))
    for number in range(READS):
        copies.get(names[number % len(names)])
    yield _row(f"{READS} looks into a copy, one LIST", cluster, before, size, began)


def watching(cluster: Cluster, namespace: str) -> Iterator[Row]:
    """Learn of one change: by lists, and by a watch from the list's resourceVersion."""
    body = _config_map({"data": {"step": "0"}})
    made = cluster.create(CONFIG_MAP, body, namespace)
    try:
        before, began, size = cluster.requests, time.monotonic(), 0
        version = ""
        for _ in range(ROUNDS):
            answer = cluster.document(CONFIG_MAP.path(namespace), "ConfigMapList")
            size += _size(answer)
            version = str(dig(answer, "metadata.resourceVersion"))
        yield _row(f"{ROUNDS} LISTs, to see that nothing changed", cluster, before, size, began)
        cluster.patch(CONFIG_MAP, name_of(made), {"data": {"step": "1"}}, namespace)
        before, began = cluster.requests, time.monotonic()
        path = f"{CONFIG_MAP.path(namespace)}?watch=1&resourceVersion={version}&timeoutSeconds=1"
        said = cluster.text(path, timeout=10)
        yield _row("one WATCH from there, for a second", cluster, before, _size(said), began)
    finally:
        cluster.delete(CONFIG_MAP, name_of(made), namespace, uid=str(dig(made, "metadata.uid")))


def selecting(cluster: Cluster, namespace: str) -> Iterator[Row]:
    """Find one resource in ten by a field of its spec: here, and by the API server."""
    _define(cluster)
    try:
        threads.parallel_for(lambda at: _sample(cluster, namespace, at), range(OBJECTS), 8)
        path = SAMPLE.path(namespace)
        before, began = cluster.requests, time.monotonic()
        answer = cluster.document(path, f"{SAMPLE.kind}List")
        found = _picked(answer)
        yield _row(f"all {OBJECTS}, and {found} picked here", cluster, before, _size(answer), began)
        before, began = cluster.requests, time.monotonic()
        answer = cluster.document(f"{path}?{_SELECTED}", f"{SAMPLE.kind}List")
        found = _picked(answer)
        what = f"fieldSelector, the server picks {found}"
        yield _row(what, cluster, before, _size(answer), began)
    finally:
        cluster.delete(CRD, _CRD_NAME)
        wait_until_gone(cluster, CRD, _CRD_NAME, None, 20)


MEASUREMENTS: dict[str, Callable[[Cluster, str], Iterator[Row]]] = {
    "workers": workers,
    "cache": cache,
    "watching": watching,
    "selecting": selecting,
}

WRITING = ("watching", "selecting")
"""Those that make something for a moment."""


def _row(what: str, cluster: Cluster, before: int, size: int, began: float) -> Row:
    took = (time.monotonic() - began) * 1000
    return Row(what, cluster.requests - before, round(size / 1000, 1), round(took, 1))


def _size(value: Any) -> int:
    return len(value if isinstance(value, str) else json.dumps(value))


def _picked(answer: Object | None) -> int:
    items: Sequence[Object] = dig(answer, "items", [])
    return sum(dig(one, "spec.zone") == "blue" for one in items)


def _config_map(fields: Object) -> Object:
    metadata = {"generateName": PREFIX, "labels": {MARK: str(int(time.time()))}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **fields}


def _define(cluster: Cluster) -> None:
    """Define a kind with a field that can be selected by, and wait until it is served."""
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": {"zone": {"type": "string"}}}},
    }
    version = {
        "name": SAMPLE.version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "selectableFields": [{"jsonPath": ".spec.zone"}],
    }
    names = {"plural": SAMPLE.plural, "singular": "sample", "kind": SAMPLE.kind}
    body = {
        "apiVersion": CRD.api_version,
        "kind": CRD.kind,
        "metadata": {"name": _CRD_NAME},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]},
    }
    cluster.apply(CRD, body)
    if not wait_until(lambda: _takes(cluster), 20):
        raise LabError("The lesson's definition was not served in time", "Try it again")


def _takes(cluster: Cluster) -> bool:
    """Whether the API server serves the kind."""
    try:
        return RestMapper(cluster).find(SAMPLE.api_version, SAMPLE.kind) is not None
    except Rejected:
        return False


def _sample(cluster: Cluster, namespace: str, at: int) -> None:
    body = {
        "apiVersion": SAMPLE.api_version,
        "kind": SAMPLE.kind,
        "metadata": {"name": f"sample-{at}"},
        "spec": {"zone": "blue" if at % 10 == 0 else "red"},
    }
    wait_until(lambda: _created(cluster, body, namespace), 10)


def _created(cluster: Cluster, body: Object, namespace: str) -> bool:
    """Whether it is there; a kind that was just defined is not served by all of the server yet."""
    try:
        cluster.create(SAMPLE, body, namespace)
    except Rejected as error:
        return error.reason == "AlreadyExists"
    return True
