"""Takes the lab back to its start, in an order that cannot lock itself in.

``solutions/reset.yaml`` lists what the lab makes. What is not listed is never deleted unless that
is asked for; a namespace or a definition with such objects in it stays.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from labgrader.engine.kinds import Kinds
from labgrader.engine.ports import Cluster
from labgrader.engine.waiting import wait_until
from labgrader.engine.yamlfile import read_documents
from labgrader.model.errors import Rejected
from labgrader.model.resource import NAMESPACE, RESET_AT, Object, Resource, dig, name_of

GRACE_SECONDS = 10.0
"""How long an object may take to go by itself before its finalizers are taken off."""

SLOW_KINDS = ("Namespace", "CustomResourceDefinition", "Deployment")
SLOW_SECONDS = 60.0
"""How long Kubernetes may take to empty a namespace or a definition (it does so one by one), and
pods to end: what an operator writes on its way out must not outlive the reset."""

WORKERS = 8


@dataclass(frozen=True, slots=True)
class Doomed:
    """One object that a reset removes."""

    resource: Resource
    name: str
    namespace: str | None
    uid: str
    finalizers: tuple[str, ...]

    def __str__(self) -> str:
        return self.resource.describe(self.name, self.namespace)


@dataclass(slots=True)
class Residue:
    """What a reset did not remove, and why."""

    unknown: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.unknown or self.stuck)


class Reset:
    """A reset of the lab's objects on one cluster.

    Args:
        root: the content folder.
        told: gets one line for everything that is done.
        tasks: only what these tasks were the first to make; everything where absent.
    """

    def __init__(
        self,
        cluster: Cluster,
        root: Path,
        told: Callable[[str], None],
        *,
        grace_seconds: float = GRACE_SECONDS,
        tasks: Collection[str] | None = None,
    ) -> None:
        self._cluster = cluster
        self._root = root
        self._told = told
        self._grace = grace_seconds
        self._tasks = tasks
        self._kinds = Kinds(cluster)

    def plan(self) -> list[Doomed]:
        """Return what is there and would be removed, in order."""
        found = (doomed for entry in self._entries() for doomed in self._present(entry))
        return list({doomed.uid: doomed for doomed in found}.values())

    def unknown(self, plan: list[Doomed]) -> dict[Doomed, list[str]]:
        """Return, for each doomed namespace and definition, what would go with it unasked."""
        known = {(d.resource.kind, d.namespace, d.name) for d in plan}
        found: dict[Doomed, list[str]] = {}
        for doomed in plan:
            strangers = sorted(
                resource.describe(name_of(obj), dig(obj, "metadata.namespace"))
                for resource, obj in self._inside(doomed)
                if (resource.kind, dig(obj, "metadata.namespace"), name_of(obj)) not in known
                and not _system(resource, obj)
            )
            if strangers:
                found[doomed] = strangers
        return found

    def run(self, *, include_unknown: bool = False) -> Residue:
        """Remove everything that is planned; bounded in time; may be run again at any point."""
        plan = self.plan()
        strangers = {} if include_unknown else self.unknown(plan)
        residue = Residue(unknown=sorted({one for many in strangers.values() for one in many}))
        for doomed in strangers:
            self._told(f"kept {doomed}: it holds objects that the lab does not know")
        going = [doomed for doomed in plan if doomed not in strangers]
        for _, group in groupby(going, key=lambda doomed: doomed.resource):
            residue.stuck.extend(self._remove_all(list(group)))
        self._begin_anew()
        return residue

    def _begin_anew(self) -> None:
        """Note on a namespace that stays that what was done before now does not count any more."""
        for entry in self._all_entries():
            if entry["kind"] == "Namespace" and self._cluster.get(NAMESPACE, entry["name"]):
                begin_anew(self._cluster, entry["name"])

    def _remove_all(self, group: list[Doomed]) -> list[str]:
        """Remove objects of one kind side by side; return those that stay, and why."""
        with ThreadPoolExecutor(WORKERS) as pool:
            gone = list(pool.map(self._remove, group))
        left = [doomed for doomed, done in zip(group, gone, strict=True) if not done]
        return [f"{doomed}{self._why(doomed)}" for doomed in left]

    def _entries(self) -> Iterator[Object]:
        for entry in self._all_entries():
            if self._tasks is None or entry["task"] in self._tasks:
                yield entry

    def _all_entries(self) -> Iterator[Object]:
        return entries(self._root)

    def _present(self, entry: Object) -> list[Doomed]:
        resource = self._kinds.find(entry["apiVersion"], entry["kind"])
        if resource is None:
            return []
        namespace = entry.get("namespace")
        if "name" in entry:
            single = self._cluster.get(resource, entry["name"], namespace)
            objects = [single] if single else []
        else:
            objects = self._cluster.list(resource, namespace) or []
        return [_doomed(resource, obj) for obj in objects]

    def _remove(self, doomed: Doomed) -> bool:
        """Delete one object; take finalizers off only when it does not go by itself."""
        try:
            self._cluster.delete(
                doomed.resource,
                doomed.name,
                doomed.namespace,
                uid=doomed.uid,
                foreground=doomed.resource.kind == "Deployment",
            )
        except Rejected as error:
            self._told(f"{doomed} cannot be deleted: {error.message}")
            return False
        patience = SLOW_SECONDS if doomed.resource.kind in SLOW_KINDS else self._grace
        gone = wait_until(lambda: self._gone(doomed), patience) or self._unfinalize(doomed)
        if gone:
            self._told(f"removed {doomed}")
        return gone

    def _gone(self, doomed: Doomed) -> bool:
        found = self._cluster.get(doomed.resource, doomed.name, doomed.namespace)
        return found is None or dig(found, "metadata.uid") != doomed.uid

    def _unfinalize(self, doomed: Doomed) -> bool:
        """Take off finalizers that nobody serves; never those of Kubernetes itself."""
        found = self._cluster.get(doomed.resource, doomed.name, doomed.namespace)
        finalizers: list[str] = dig(found, "metadata.finalizers", [])
        foreign = [entry for entry in finalizers if not _of_kubernetes(entry)]
        if not foreign:
            return found is None
        kept = [entry for entry in finalizers if entry not in foreign]
        patch = {"metadata": {"finalizers": kept, "uid": doomed.uid}}
        try:
            self._cluster.patch(doomed.resource, doomed.name, patch, doomed.namespace)
        except Rejected as error:
            self._told(f"the finalizers of {doomed} cannot be removed: {error.message}")
            return False
        self._told(
            f"took the finalizers {', '.join(foreign)} off {doomed}:"
            f" nobody did within {self._grace:.0f} s"
        )
        return wait_until(lambda: self._gone(doomed), self._grace)

    def _why(self, doomed: Doomed) -> str:
        """Return what the API server says of an object that stays."""
        found = self._cluster.get(doomed.resource, doomed.name, doomed.namespace)
        messages = [
            str(condition.get("message"))
            for condition in dig(found, "status.conditions", [])
            if condition.get("status") == "True"
        ]
        finalizers = dig(found, "metadata.finalizers", [])
        told = [f"finalizers {', '.join(finalizers)}"] if finalizers else []
        return f" ({'; '.join(told + messages)})" if told or messages else ""

    def _inside(self, doomed: Doomed) -> list[tuple[Resource, Object]]:
        """Return what goes with a namespace (all in it) or a definition (all of its kind)."""
        if doomed.resource.kind == "Namespace":
            return self._list_all(list(self._namespaced()), doomed.name)
        if doomed.resource.kind == "CustomResourceDefinition":
            return self._list_all(list(self._defined_by(doomed)), None)
        return []

    def _list_all(
        self, resources: list[Resource], namespace: str | None
    ) -> list[tuple[Resource, Object]]:
        with ThreadPoolExecutor(WORKERS) as pool:
            lists = pool.map(lambda r: self._cluster.list(r, namespace) or [], resources)
            pairs = zip(resources, lists, strict=True)
            return [(resource, obj) for resource, objects in pairs for obj in objects]

    def _defined_by(self, doomed: Doomed) -> Iterator[Resource]:
        """Yield the resource that a definition defines, in a version that is served."""
        spec = dig(self._cluster.get(doomed.resource, doomed.name), "spec", {})
        served = [v["name"] for v in spec.get("versions") or () if v.get("served")]
        if served:
            names = spec["names"]
            yield Resource(spec["group"], served[0], names["plural"], names["kind"])

    def _namespaced(self) -> Iterator[Resource]:
        """Yield every namespaced kind, in the version that the API server prefers."""
        groups = self._cluster.document("/apis", "APIGroupList")
        versions = ["v1"]
        if isinstance(groups, dict):
            versions += [g["preferredVersion"]["groupVersion"] for g in groups.get("groups") or ()]
        for version in versions:
            yield from self._kinds.listable(version)


def entries(root: Path) -> Iterator[Object]:
    """Yield what the lab makes, in the order in which it must go, as ``reset.yaml`` lists it."""
    for document in read_documents(root / "solutions" / "reset.yaml"):
        yield from document


def begin_anew(cluster: Cluster, namespace: str) -> None:
    """Note on a namespace that what was done in it before now does not count any more."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    cluster.patch(NAMESPACE, namespace, {"metadata": {"annotations": {RESET_AT: now}}})


def _doomed(resource: Resource, obj: Object) -> Doomed:
    return Doomed(
        resource,
        name_of(obj),
        dig(obj, "metadata.namespace"),
        str(dig(obj, "metadata.uid", "")),
        tuple(dig(obj, "metadata.finalizers", [])),
    )


SYSTEM_NAMES = {"default", "kube-root-ca.crt"}
"""What every namespace has from the beginning."""

_SYSTEM_KINDS = {"Event", "Endpoints", "EndpointSlice", "PodMetrics"}


def _system(resource: Resource, obj: Object) -> bool:
    """Whether the cluster itself made this: defaults, events, and what an owner takes along."""
    if resource.kind in _SYSTEM_KINDS or dig(obj, "metadata.ownerReferences"):
        return True
    return name_of(obj) in SYSTEM_NAMES


def _of_kubernetes(finalizer: str) -> bool:
    """Whether a controller of Kubernetes itself serves this finalizer."""
    domain = finalizer.split("/", 1)[0]
    return domain.endswith(("k8s.io", "kubernetes.io")) or "." not in domain
