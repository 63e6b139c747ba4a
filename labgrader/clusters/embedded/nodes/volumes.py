"""Provisions and removes persistent volumes: ``python -m … SERVER CA CERTIFICATE KEY FOLDER``.

A volume is a folder below FOLDER that outlives pods and ``down``. It is made when a pod that uses
the claim is scheduled, everybody may write in it (pods that are not root's, and hostPath knows no
fsGroup), and it goes when its claim is deleted. Standard library only: it runs beside the node's
other processes.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labgrader.clusters.embedded.nodes.storage import CLASS, PROVISIONER

_CLAIMS = "/api/v1/persistentvolumeclaims"
_VOLUMES = "/api/v1/persistentvolumes"
_WATCH_SECONDS = 300
_RETRY_SECONDS = 1.0

_Trouble = (OSError, http.client.HTTPException, ValueError)


class Server:
    """The API server, for a process that has nothing but the standard library."""

    def __init__(self, address: str, ca: str, certificate: str, key: str) -> None:
        self._address = address
        self._tls = ssl.create_default_context(cafile=ca)
        self._tls.load_cert_chain(certificate, key)

    def ask(self, method: str, path: str, content: Any = None) -> Any:
        """Return the answer; None for an object that is not there, or that is there already.

        Raises:
            OSError, HTTPException: no answer, or one that says no.
        """
        connection = self._connect(10)
        try:
            body = json.dumps(content) if content is not None else None
            connection.request(method, path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if response.status in (404, 409):
            return None
        if response.status >= 400:
            raise OSError(f"{method} {path}: HTTP {response.status} {answer[:200]!r}")
        return json.loads(answer)

    def changes(self, path: str) -> Iterator[None]:
        """Yield once at the start and then at every change below ``path``, for some minutes."""
        version = self.ask("GET", f"{path}?limit=1")["metadata"]["resourceVersion"]
        query = f"watch=1&timeoutSeconds={_WATCH_SECONDS}&resourceVersion={version}"
        connection = self._connect(_WATCH_SECONDS + 30)
        try:
            connection.request("GET", f"{path}?{query}")
            response = connection.getresponse()
            yield
            while response.readline():
                yield
        finally:
            connection.close()

    def _connect(self, seconds: float) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(self._address, timeout=seconds, context=self._tls)


class VolumeProvisioner:
    """Brings volumes in line with claims."""

    def __init__(self, server: Server, folder: Path) -> None:
        self._server = server
        self._folder = folder

    def work(self) -> None:
        """Make what is claimed, remove what is released.

        Raises:
            OSError, HTTPException: the server does not answer, or the disk refuses.
        """
        for claim in self._server.ask("GET", _CLAIMS)["items"]:
            if is_waiting(claim):
                self._make(claim)
        for volume in self._server.ask("GET", _VOLUMES)["items"]:
            if is_released(volume):
                self._remove(volume)

    def _make(self, claim: dict[str, Any]) -> None:
        volume = volume_for(claim, self._folder)
        place = Path(volume["spec"]["hostPath"]["path"])
        place.mkdir(exist_ok=True)
        place.chmod(0o777)
        self._server.ask("POST", _VOLUMES, volume)

    def _remove(self, volume: dict[str, Any]) -> None:
        name = volume["metadata"]["name"]
        place = self._folder / name
        if place.is_dir():
            shutil.rmtree(place)
        self._server.ask("DELETE", f"{_VOLUMES}/{name}")


def is_waiting(claim: dict[str, Any]) -> bool:
    """Tell whether a claim waits for us: our class, no volume yet, and a pod that was scheduled."""
    notes = claim["metadata"].get("annotations", {})
    spec = claim["spec"]
    ours = spec.get("storageClassName") == CLASS and not spec.get("volumeName")
    pending = claim.get("status", {}).get("phase") == "Pending"
    return ours and pending and "volume.kubernetes.io/selected-node" in notes


def is_released(volume: dict[str, Any]) -> bool:
    """Tell whether a volume is ours and its claim is gone for good."""
    notes = volume["metadata"].get("annotations", {})
    return (
        notes.get("pv.kubernetes.io/provisioned-by") == PROVISIONER
        and volume.get("status", {}).get("phase") == "Released"
        and volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete"
        and "deletionTimestamp" not in volume["metadata"]
    )


def volume_for(claim: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the volume that belongs to a claim, and to no other of the same name."""
    meta, spec = claim["metadata"], claim["spec"]
    name = f"pvc-{meta['uid']}"
    owner = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "namespace": meta["namespace"],
        "name": meta["name"],
        "uid": meta["uid"],
    }
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER}},
        "spec": {
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "accessModes": spec["accessModes"],
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": CLASS,
            "claimRef": owner,
            "hostPath": {"path": str(folder / name), "type": "Directory"},
        },
    }


def main(address: str, ca: str, certificate: str, key: str, folder: str) -> None:
    """Work at every change until standard input (the supervisor's lifeline) ends."""
    server = Server(address, ca, certificate, key)
    changed = threading.Event()
    threading.Thread(target=_end_with_the_supervisor, daemon=True).start()
    for path in (_CLAIMS, _VOLUMES):
        threading.Thread(target=_watch, args=(server, path, changed), daemon=True).start()
    keeper = VolumeProvisioner(server, Path(folder))
    while True:
        changed.wait()
        changed.clear()
        try:
            keeper.work()
        except _Trouble as error:
            _wait_after(error)
            changed.set()


def _watch(server: Server, path: str, changed: threading.Event) -> None:
    while True:
        try:
            for _ in server.changes(path):
                changed.set()
        except _Trouble as error:
            _wait_after(error)


def _wait_after(error: Exception) -> None:
    """Log what went wrong, and give it a moment to be over."""
    sys.stderr.write(f"error: {error}\n")
    sys.stderr.flush()
    time.sleep(_RETRY_SECONDS)


def _end_with_the_supervisor() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
