"""What a reset removes: the objects that ``solutions/reset.yaml`` lists, as far as they are there.

Reading survives errors: what cannot be read is noted, and everything else is found all the same.
What lies beside these objects is ``reset_contents``, removing them ``reset_removal``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from labgrader.content.lab_folder import LabFolder
from labgrader.errors import LabError, TimedOut
from labgrader.kube.protocols import Cluster
from labgrader.kube.resources import Object, Resource, dig, name_of
from labgrader.kube.rest_mapper import RestMapper
from labgrader.kube.waiting import Deadline
from labgrader.util.bounded_yaml import read_documents

WORKERS = 8
LOOK_SECONDS = 30.0
"""How long looking for the lab's objects may take in all."""


@dataclass(frozen=True, slots=True)
class Doomed:
    """One object that a reset removes."""

    resource: Resource
    name: str
    namespace: str | None
    uid: str

    def __str__(self) -> str:
        return self.resource.describe(self.name, self.namespace)


@dataclass(frozen=True, slots=True)
class Unread:
    """Something that could not be read; ``resource`` has no plural where discovery failed."""

    what: str
    error: LabError
    resource: Resource | None = None


@dataclass(slots=True)
class Survey:
    """The lab's objects that are there, in the order in which they go; and what is not known."""

    doomed: list[Doomed] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    answered: bool = True

    def demand_answer(self) -> Survey:
        """Return itself; raise where nothing at all could be read: that is the cluster's state."""
        if not self.answered and self.unread:
            raise self.unread[0].error
        return self


Found = list[Resource] | LabError
"""The resources behind a kind, the version that the lab uses first; or why they are not known."""


def entries(root: Path) -> Iterator[Object]:
    """Yield what the lab makes, in the order in which it must go, as ``reset.yaml`` lists it."""
    for document in read_documents(LabFolder(root).reset):
        yield from document


class Surveyor:
    """Finds the lab's objects on a cluster.

    Args:
        root: the content folder.
        tasks: only what these tasks were the first to make; everything where absent.
    """

    def __init__(self, cluster: Cluster, root: Path, tasks: Collection[str] | None = None) -> None:
        self._cluster = cluster
        self._entries = [
            entry for entry in entries(root) if tasks is None or entry["task"] in tasks
        ]

    def look(self) -> Survey:
        """Return what is there now, in at most about ``LOOK_SECONDS``."""
        limit = Deadline(LOOK_SECONDS)
        with ThreadPoolExecutor(WORKERS) as pool:
            kinds = self._kinds(pool)
            read = list(pool.map(lambda entry: self._read(entry, kinds, limit), self._entries))
        found = Survey(answered=any(not isinstance(one, Unread) for one in read) or not read)
        seen: dict[str, Doomed] = {}
        for one in read:
            if isinstance(one, Unread):
                found.unread.append(one)
            else:
                seen.update({doomed.uid: doomed for doomed in one if doomed.uid not in seen})
        found.doomed = list(seen.values())
        return found

    def strays(self) -> list[Doomed]:
        """Return objects of the lab's kinds and names that are in other namespaces.

        What cannot be listed is left out: these objects are not what a reset is about.
        """
        with ThreadPoolExecutor(WORKERS) as pool:
            kinds = self._kinds(pool)
            named: dict[Resource, set[tuple[str, str]]] = {}
            for entry in self._entries:
                found = kinds[entry["apiVersion"], entry["kind"]]
                if "name" in entry and "namespace" in entry and isinstance(found, list) and found:
                    place = (entry["namespace"], entry["name"])
                    named.setdefault(found[0], set()).add(place)
            lists = pool.map(lambda item: self._astray(*item), named.items())
            return [doomed for many in lists for doomed in many]

    def _astray(self, resource: Resource, named: set[tuple[str, str]]) -> list[Doomed]:
        try:
            objects = self._cluster.list(resource) or []
        except LabError:
            return []
        found = [doomed_of(resource, obj) for obj in objects]
        homes, names = {place for place, _ in named}, {name for _, name in named}
        return [one for one in found if one.name in names and one.namespace not in homes]

    def _kinds(self, pool: ThreadPoolExecutor) -> dict[tuple[str, str], Found]:
        """Find every kind of the lab, each API version with one request, side by side."""
        wanted = dict.fromkeys((entry["apiVersion"], entry["kind"]) for entry in self._entries)
        versions = dict.fromkeys(version for version, _ in wanted)
        kinds = RestMapper(self._cluster)
        errors = dict(zip(versions, pool.map(lambda v: _error_of(kinds, v), versions), strict=True))
        return {
            (version, kind): errors[version] or _resources(kinds, version, kind)
            for version, kind in wanted
        }

    def _read(
        self, entry: Object, kinds: dict[tuple[str, str], Found], limit: Deadline
    ) -> list[Doomed] | Unread:
        """Read one line of ``reset.yaml``, in the first version in which that is possible."""
        what = _describe(entry)
        found = kinds[entry["apiVersion"], entry["kind"]]
        if isinstance(found, LabError):
            group, _, version = entry["apiVersion"].rpartition("/")
            return Unread(what, found, Resource(group, version, "", entry["kind"]))
        failed: Unread | None = None
        for resource in found:
            if not limit.left:
                return failed or Unread(what, _too_late(limit), resource)
            try:
                return [doomed_of(resource, obj) for obj in self._objects(resource, entry)]
            except LabError as error:
                failed = failed or Unread(what, error, resource)
        return failed or []

    def _objects(self, resource: Resource, entry: Object) -> list[Object]:
        namespace = entry.get("namespace")
        if "name" not in entry:
            return self._cluster.list(resource, namespace, timeout=5) or []
        single = self._cluster.get(resource, entry["name"], namespace)
        return [single] if single else []


def doomed_of(resource: Resource, obj: Object) -> Doomed:
    """Return an object as a reset knows it."""
    return Doomed(
        resource,
        name_of(obj),
        dig(obj, "metadata.namespace"),
        str(dig(obj, "metadata.uid", "")),
    )


def _error_of(kinds: RestMapper, version: str) -> LabError | None:
    """Read what an API version serves; return why that is not possible."""
    try:
        kinds.find(version, "")
    except LabError as error:
        return error
    return None


def _resources(kinds: RestMapper, version: str, kind: str) -> Found:
    """Return a kind in all versions in which it is served, the lab's own version first."""
    try:
        found = [kinds.find(version, kind)]
        group = version.rpartition("/")[0]
        if "." in group and not group.endswith(".k8s.io"):  # a definition may have others
            others = [one for one in kinds.versions(group) if one != version]
            found += [kinds.find(one, kind) for one in others]
    except LabError as error:
        return error
    return [resource for resource in found if resource is not None]


def _describe(entry: Object) -> str:
    resource = Resource("", "", "", entry["kind"])
    return resource.describe(entry.get("name"), entry.get("namespace"))


def _too_late(limit: Deadline) -> TimedOut:
    return TimedOut(f"Not read: reading took longer than {limit.seconds:.0f} s in all")
