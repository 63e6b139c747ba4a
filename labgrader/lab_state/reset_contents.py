"""What goes along with a namespace or a definition, and what of it the lab does not know.

An aggregated API without a backend holds nothing that could be lost with a namespace, so it does
not keep one. Any other list that cannot be read may hide objects of other people: it does.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from labgrader.errors import Cause, ClusterError, LabError
from labgrader.kube.obstacles import Obstacles
from labgrader.kube.protocols import Cluster
from labgrader.kube.resources import Object, Resource, dig, name_of
from labgrader.kube.rest_mapper import RestMapper
from labgrader.lab_state.reset_plan import WORKERS, Doomed, Unread

SYSTEM_NAMES = {"default", "kube-root-ca.crt"}
"""What every namespace has from the beginning."""

_SYSTEM_KINDS = {"Event", "Endpoints", "EndpointSlice"}

Pair = tuple[Resource, Object]


@dataclass(slots=True)
class Inside:
    """What goes along with a doomed object, and the lists that could not be read."""

    pairs: list[Pair] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)


@dataclass(slots=True)
class Held:
    """Why a doomed object is kept: objects that the lab does not know, or does not know of."""

    strangers: list[str] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.strangers or self.unread)


class Contents:
    """Reads what is in namespaces and what definitions define, on one cluster."""

    def __init__(self, cluster: Cluster, obstacles: Obstacles) -> None:
        self._cluster = cluster
        self._obstacles = obstacles

    def held(self, plan: list[Doomed]) -> dict[Doomed, Held]:
        """Return what of a plan must not go without being asked for, and why."""
        known = {(d.resource.kind, d.namespace, d.name) for d in plan}
        found: dict[Doomed, Held] = {}
        for doomed in plan:
            inside = self.inside(doomed)
            strangers = {
                resource.describe(name_of(obj), dig(obj, "metadata.namespace"))
                for resource, obj in inside.pairs
                if (resource.kind, dig(obj, "metadata.namespace"), name_of(obj)) not in known
                and not _system(resource, obj)
            }
            if held := Held(sorted(strangers), inside.unread):
                found[doomed] = held
        return found

    def inside(self, doomed: Doomed) -> Inside:
        """Return what goes with a namespace (all in it) or a definition (all of its kind)."""
        try:
            if doomed.resource.kind == "Namespace":
                return self._in_namespace(doomed.name)
            if doomed.resource.kind == "CustomResourceDefinition":
                return self._list_all([self._defined_by(doomed)], None)
        except LabError as error:
            return Inside(unread=[Unread(f"the contents of {doomed}", error, doomed.resource)])
        return Inside()

    def _in_namespace(self, namespace: str) -> Inside:
        kinds = RestMapper(self._cluster)
        versions = ["v1", *kinds.versions()]
        served: dict[tuple[str, str], list[Resource]] = {}
        unread: list[Unread] = []
        with ThreadPoolExecutor(WORKERS) as pool:
            for version, found in zip(
                versions, pool.map(lambda v: _removable(kinds, v), versions), strict=True
            ):
                if isinstance(found, LabError):
                    if not self._is_dead(version, found):
                        group, _, number = version.rpartition("/")
                        api = Resource(group, number, "", "API")
                        unread.append(Unread(f"the API {version}", found, api))
                    continue
                for resource in found:
                    served.setdefault((resource.group, resource.plural), []).append(resource)
        inside = self._list_all(served.values(), namespace)
        return Inside(inside.pairs, unread + inside.unread)

    def _is_dead(self, version: str, error: LabError) -> bool:
        """Whether it is an aggregated API that serves nobody, and not only us."""
        if not isinstance(error, ClusterError) or error.cause is Cause.FORBIDDEN:
            return False
        return self._obstacles.dead_api(version) is not None

    def _list_all(self, kinds: Iterable[list[Resource]], namespace: str | None) -> Inside:
        """List kinds side by side, each in the first of its versions in which that is possible."""
        with ThreadPoolExecutor(WORKERS) as pool:
            lists = list(pool.map(lambda versions: self._list(versions, namespace), kinds))
        found = Inside()
        for one in lists:
            if isinstance(one, Unread):
                found.unread.append(one)
            else:
                found.pairs.extend(one)
        return found

    def _list(self, versions: list[Resource], namespace: str | None) -> list[Pair] | Unread:
        failed: Unread | None = None
        for resource in versions:
            try:
                objects = self._cluster.list(resource, namespace, timeout=5) or []
            except LabError as error:
                failed = failed or Unread(resource.describe(None, namespace), error, resource)
            else:
                return [(resource, obj) for obj in objects]
        return failed or []

    def _defined_by(self, doomed: Doomed) -> list[Resource]:
        """Return the resource that a definition defines, in every version that is served."""
        spec = dig(self._cluster.get(doomed.resource, doomed.name), "spec", {})
        served = sorted(
            (one for one in spec.get("versions") or () if one.get("served")),
            key=lambda one: not one.get("storage"),
        )
        names = spec.get("names") or {}
        return [
            Resource(spec["group"], one["name"], names["plural"], names["kind"]) for one in served
        ]


def _removable(kinds: RestMapper, version: str) -> list[Resource] | LabError:
    """Return what a version serves; tried twice, as a gateway may swallow a single answer."""
    try:
        return list(kinds.removable(version))
    except LabError:
        pass
    try:
        return list(kinds.removable(version))
    except LabError as error:
        return error


def _system(resource: Resource, obj: Object) -> bool:
    """Whether the cluster itself made this: defaults, events, and what an owner takes along."""
    if resource.kind in _SYSTEM_KINDS or dig(obj, "metadata.ownerReferences"):
        return True
    return name_of(obj) in SYSTEM_NAMES
