"""REST mapping: from an ``apiVersion`` and ``kind`` to the resource, by discovery."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from labgrader.kube.protocols import Cluster
from labgrader.kube.resources import Object, Resource, dig
from labgrader.kube.waiting import wait_until

_GROUP = re.compile(r"[a-z0-9][-a-z0-9.]*")


@dataclass(slots=True)
class RestMapper:
    """Finds the resource behind an ``apiVersion`` and ``kind`` by discovery."""

    cluster: Cluster
    _known: dict[str, list[Object]] = field(default_factory=dict)
    _groups: list[Object] = field(default_factory=list)

    def find(self, api_version: str, kind: str) -> Resource | None:
        """Return the resource; None where the API server does not serve such a kind."""
        for entry in self._served(api_version):
            if entry.get("kind") == kind and "/" not in str(entry.get("name")):
                group, _, version = api_version.rpartition("/")
                plural = str(entry["name"])
                return Resource(group, version, plural, kind, bool(entry.get("namespaced")))
        return None

    def wait_for(self, api_version: str, kind: str, seconds: float) -> Resource | None:
        """Return the resource once it is served: a definition may just have been created."""
        found: list[Resource] = []

        def served() -> bool:
            resource = self.find(api_version, kind)
            found.extend([resource] if resource else [])
            return bool(found)

        wait_until(served, seconds)
        return found[0] if found else None

    def removable(self, api_version: str) -> Iterator[Resource]:
        """Yield every namespaced resource of one API version that can be listed and deleted."""
        group, _, version = api_version.rpartition("/")
        for entry in self._served(api_version):
            if entry.get("namespaced") and {"list", "delete"} <= set(entry.get("verbs") or ()):
                yield Resource(group, version, str(entry["name"]), str(entry["kind"]))

    def versions(self, group: str | None = None) -> list[str]:
        """Return ``group/version`` of one group or of all, each group's preferred one first."""
        if not self._groups:
            answer = self.cluster.document("/apis", "APIGroupList")
            self._groups = list(dig(answer, "groups", []))
        found: dict[str, None] = {}
        for one in self._groups:
            if group in (None, one.get("name")):
                preferred = dig(one, "preferredVersion.groupVersion")
                others = [str(version["groupVersion"]) for version in one.get("versions") or ()]
                found.update(dict.fromkeys([str(preferred or others[0]), *others]))
        return list(found)

    def of_group(self, group: str, timeout: float) -> list[Object] | None:
        """Return the entries of all versions of a group; None where it is not served."""
        if not group:
            return self._served("v1")
        if not _GROUP.fullmatch(group):
            return None
        listed = self.cluster.document(f"/apis/{group}", "APIGroup", timeout=timeout)
        if listed is None:
            return None
        versions = [str(one.get("groupVersion")) for one in dig(listed, "versions", [])]
        return [entry for version in versions for entry in self._served(version)]

    def _served(self, api_version: str) -> list[Object]:
        if not self._known.get(api_version):
            root = "/apis" if "/" in api_version else "/api"
            answer = self.cluster.document(f"{root}/{api_version}", "APIResourceList")
            self._known[api_version] = list(dig(answer, "resources", []))
        return self._known[api_version]
