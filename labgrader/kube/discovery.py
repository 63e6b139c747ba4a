"""Discovery: whether an API server serves a type."""

from __future__ import annotations

from collections.abc import Callable

from labgrader.kube.resources import Object, Resource, dig
from labgrader.kube.responses import Response

Document = Callable[[str, str, float], Object]
"""Reads the JSON document of a kind at a path within seconds; raises for all else."""


def is_plain_not_found(response: Response) -> bool:
    """Whether an API server itself says, without a ``Status``, that it serves no such path."""
    return (
        response.status == 404
        and response.marked
        and response.content_type.partition(";")[0].strip() == "text/plain"
    )


def serves(resource: Resource, read: Document, timeout: float) -> bool:
    """Whether discovery lists a resource."""
    root = "/apis" if resource.group else "/api"
    if is_missing_version(f"{root}/{resource.api_version}", read, timeout):
        return False
    served = read(f"{root}/{resource.api_version}", "APIResourceList", timeout)
    return any(one.get("name") == resource.plural for one in dig(served, "resources", []))


def is_missing_version(path: str, read: Document, timeout: float) -> bool:
    """Whether ``path`` is that of an API version which discovery does not list."""
    if path.startswith("/api/"):
        return path.removeprefix("/api/") not in dig(
            read("/api", "APIVersions", timeout), "versions", []
        )
    if not path.startswith("/apis/") or path.count("/") != 3:
        return False
    groups = dig(read("/apis", "APIGroupList", timeout), "groups", [])
    listed = {
        str(version.get("groupVersion"))
        for group in groups
        for version in group.get("versions", [])
    }
    return path.removeprefix("/apis/") not in listed
