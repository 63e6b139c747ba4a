"""Container image names: whether two mean the same image. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from labgrader.kube.resources import Object, dig

_HUB = re.compile(r"^(?:index\.|registry-1\.)?docker\.io/")


def plain_name(image: object) -> str:
    """Return an image's name without Docker Hub and its library, which may both be left out."""
    return re.sub(r"^library/", "", _HUB.sub("", str(image)))


def is_image(actual: object, wanted: object) -> bool:
    """Whether ``actual`` is the image ``wanted``: from any registry, with or without a digest."""
    return bool({*_forms(plain_name(actual))} & {*_forms(plain_name(wanted))})


def aliases(image: str, nodes: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return all names under which nodes hold ``image``; only itself where none does."""
    found = {image}
    for node in nodes:
        for one in dig(node, "status.images", []):
            names = set(one.get("names") or ())
            if any(plain_name(name) == plain_name(image) for name in names):
                found |= names
    return found


def images_of(spec: Object) -> list[str]:
    """Return the images of a pod's containers."""
    return [str(one.get("image")) for one in dig(spec, "containers", [])]


def _forms(name: str) -> Iterator[str]:
    """Yield the name, and it without its digest (if it has a tag) and without its registry."""
    tagged, at, _ = name.partition("@")
    short = tagged if at and ":" in tagged.rpartition("/")[2] else name
    yield short
    host, slash, rest = short.partition("/")
    if slash and ("." in host or ":" in host or host == "localhost"):
        yield rest.rpartition("library/")[2]
