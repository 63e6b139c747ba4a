"""Installs the CustomResourceDefinitions that labs need and do not make themselves."""

from __future__ import annotations

import hashlib
import http
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from labgrader.clusters.embedded.api import Api, NotReady
from labgrader.clusters.provider import Progress
from labgrader.errors import ProviderError
from labgrader.kube.conditions import is_true

_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_NAME = re.compile(rb"^  name: [\"']?([a-z0-9.-]+)", re.MULTILINE)
_BRIEF = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_ESTABLISH_SECONDS = 20.0


def apply_crds(
    api: Api, folder: Path, groups: Sequence[str], known: str, progress: Progress
) -> str:
    """Apply CRDs in ``folder`` unless they are there from the same files; return their hash.

    Args:
        groups: the API groups of those that are needed.
        known: the hash that an earlier call returned for this cluster, or "".

    Raises:
        ProviderError: a file is not a CRD, or the API server refuses it.
        NotReady: no answer.
    """
    every = {_name(path): path.read_bytes() for path in sorted(folder.glob("*.yaml"))}
    files = {name: text for name, text in every.items() if name.partition(".")[2] in groups}
    digest = hashlib.sha256(b"".join(files.values())).hexdigest()
    if digest == known and all(_exists(api, name) for name in files):
        return digest
    for name, content in files.items():
        _apply(api, name, content)
    _wait(lambda: all(_established(api, name) for name in files))
    if files:
        progress("definitions", f"applied {', '.join(files)}")
    return digest


def _name(path: Path) -> str:
    found = _NAME.search(path.read_bytes())
    if found is None:
        raise ProviderError(f"{path} names no object", "Build the binary again: `make kube`")
    return found[1].decode()


def _exists(api: Api, name: str) -> bool:
    status, _ = api.request("GET", f"{_CRDS}/{name}", accept=_BRIEF)
    return status == http.HTTPStatus.OK


def _apply(api: Api, name: str, content: bytes) -> None:
    path = f"{_CRDS}/{name}?fieldManager=labgrader&force=true"
    status, answer = api.request("PATCH", path, content, "application/apply-patch+yaml", _BRIEF)
    if status not in (http.HTTPStatus.OK, http.HTTPStatus.CREATED):
        said = answer.get("message", status) if isinstance(answer, dict) else status
        raise ProviderError(f"The CRD {name} was refused: {said}", "Report this as a bug")


def _established(api: Api, name: str) -> bool:
    return is_true(api.get(f"{_CRDS}/{name}/status"), "Established")


def _wait(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _ESTABLISH_SECONDS
    while not reached():
        if time.monotonic() > deadline:
            raise NotReady("the definitions were not established")
        time.sleep(0.02)
