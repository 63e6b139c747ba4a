"""Reads the volumes of a pod: ConfigMaps, and which ones outlive it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from labgrader.kube.resources import Object, dig

PASSING = ("emptyDir", "ephemeral")
"""Volumes that go with the pod."""

FIXED = ("configMap", "secret", "downwardAPI", "projected", "serviceAccountToken", "image")
"""Volumes that nothing can be written to."""


def kind_of(volume: Object) -> str:
    """Return the kind of a volume, such as ``emptyDir``."""
    return next((key for key in volume if key != "name"), "emptyDir")


def written(spec: Object) -> Iterator[tuple[Object, str]]:
    """Yield every volume that a container of the pod may write to, and where it has it."""
    volumes = {one["name"]: one for one in dig(spec, "volumes", [])}
    for container in dig(spec, "containers", []):
        for mount in dig(container, "volumeMounts", []):
            volume = volumes.get(mount["name"], {})
            if volume and not mount.get("readOnly") and kind_of(volume) not in FIXED:
                yield volume, str(mount["mountPath"])


def lasting(spec: Object) -> list[Object]:
    """Return the volumes that a container may write to and that outlive the pod."""
    found = {one["name"]: one for one, _ in written(spec) if kind_of(one) not in PASSING}
    return list(found.values())


def config_maps(spec: Object) -> list[str]:
    """Return the names of the ConfigMaps that are volumes of the pod."""
    plain = [dig(one, "configMap.name") for one in dig(spec, "volumes", [])]
    projected = [
        dig(source, "configMap.name")
        for one in dig(spec, "volumes", [])
        for source in dig(one, "projected.sources", [])
    ]
    return list(dict.fromkeys(name for name in [*plain, *projected] if name))
