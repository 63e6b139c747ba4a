"""Resolves where keys of a ConfigMap are mounted in a container. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from labgrader.kube.resources import Object, dig

_FOR_ALL = 0o004
_DEFAULT_MODE = 0o644


def mounted_files(
    spec: Object, container: Object, config_map: str, keys: Sequence[str]
) -> list[str]:
    """Return the paths at which ``container`` finds these keys, and others than root may read them.

    The volume may be the ConfigMap itself or a projection of it, whole or by items, mounted as a
    directory, or as one file by its subPath.
    """
    volumes = {one["name"]: one for one in dig(spec, "volumes", [])}
    grouped = dig(spec, "securityContext.fsGroup") is not None  # then the group may read all of it
    found: list[str] = []
    for mount in dig(container, "volumeMounts", []):
        volume = volumes.get(mount["name"], {})
        for path, mode in _files(volume, config_map, keys):
            if grouped or mode & _FOR_ALL:
                found.extend(_seen_at(mount, path))
    return found


def _files(volume: Object, config_map: str, keys: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Yield path and mode of the wanted keys within a volume."""
    plain, projected = dig(volume, "configMap", {}), dig(volume, "projected", {})
    sources = [plain, *(dig(one, "configMap", {}) for one in projected.get("sources") or ())]
    default = plain.get("defaultMode", projected.get("defaultMode", _DEFAULT_MODE))
    for source in sources:
        if source.get("name") != config_map:
            continue
        items: list[Object] = source.get("items") or []
        for item in items or [{"key": key, "path": key} for key in keys]:
            if item["key"] in keys:
                yield item["path"], int(item.get("mode", default))


def _seen_at(mount: Object, path: str) -> Iterator[str]:
    """Yield where a file of the volume is for the container, if it is within what is mounted."""
    root, sub = mount["mountPath"].rstrip("/"), str(mount.get("subPath", "")).strip("/")
    if not sub:
        yield f"{root}/{path}"
    elif path == sub:
        yield root
    elif path.startswith(f"{sub}/"):
        yield f"{root}/{path[len(sub) + 1 :]}"
