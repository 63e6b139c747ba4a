"""Waiting until a started cluster can really be used, by what its API says."""

from __future__ import annotations

import http
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from labgrader.clusters.embedded.api import Api, NotReady
from labgrader.clusters.embedded.boundedlog import telling_line
from labgrader.clusters.embedded.files import disk_full, read_json
from labgrader.clusters.embedded.layout import ClusterLayout
from labgrader.clusters.embedded.manifests import LEASE_SECONDS, NODE_NAME, node
from labgrader.clusters.provider import Progress
from labgrader.errors import ProviderError
from labgrader.kube.conditions import condition, is_true

DEADLINE_SECONDS = 60.0
_POLL_SECONDS = 0.025
_LEAST_ROOM_BYTES = 4 * 1024 * 1024
_LEASE = f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{NODE_NAME}"


class PortTaken(Exception):
    """Another program took the API server's port between the choice and the start."""


class SupervisorGone(Exception):
    """The supervisor ended while the cluster was waited for."""


Step = tuple[str, str, Callable[[], bool]]


class Readiness:
    """What must be true before ``up`` returns."""

    def __init__(
        self,
        layout: ClusterLayout,
        api: Api,
        alive: Callable[[], bool],
        *,
        real_nodes: bool = False,
    ) -> None:
        self._layout = layout
        self._api = api
        self._alive = alive
        self._real = real_nodes
        self._last = ""

    def wait(self, progress: Progress, seconds: float = DEADLINE_SECONDS) -> None:
        """Return when all is there.

        Raises:
            ProviderError: not within ``seconds``.
            MachineError: it never will be, because a disk is full.
            PortTaken, SupervisorGone: the start must be tried again.
        """
        deadline = time.monotonic() + seconds
        for component, done, reached in self._steps():
            while not self._reached(reached):
                self._look_for_trouble()
                if time.monotonic() > deadline:
                    raise self._too_late(component, seconds)
                time.sleep(_POLL_SECONDS)
            progress(component, done)

    def _steps(self) -> Iterator[Step]:
        yield "kube-apiserver", "the API is ready", self._api_ready
        if not self._real:
            yield "node", f"{NODE_NAME} is registered", self._node_there
        yield "kube-controller-manager", "the default service account is there", self._account
        yield "kubelet" if self._real else "kwok", f"{NODE_NAME} is Ready", self._node_ready

    def _reached(self, condition: Callable[[], bool]) -> bool:
        try:
            return condition()
        except NotReady as error:
            self._last = str(error)
            return False

    def _api_ready(self) -> bool:
        status, answer = self._api.request("GET", "/readyz")
        self._last = str(answer)[:200]
        if status != http.HTTPStatus.OK:
            return False
        if not self._layout.api_ready.exists():
            # kwok would wait until the lease of its former self has run out.
            self._api.request("DELETE", _LEASE)
            self._layout.api_ready.touch(mode=0o600)
        return True

    def _node_there(self) -> bool:
        self._api.create("/api/v1/nodes", node())
        return True

    def _account(self) -> bool:
        path = "/api/v1/namespaces/default/serviceaccounts/default"
        return self._api.get(path) is not None

    def _node_ready(self) -> bool:
        """Ready, with a fresh lease: the object outlives ``down`` together with its old status."""
        found = self._api.get(f"/api/v1/nodes/{NODE_NAME}")
        if not is_true(found, "Ready"):
            return False
        ready = condition(found, "Ready")
        return self._said_since_start(ready) if self._real else self._renewed()

    def _said_since_start(self, condition: dict[str, Any]) -> bool:
        """Tell whether a kubelet said so after this start (it says it at least every 5 minutes)."""
        said = datetime.fromisoformat(condition["lastHeartbeatTime"])
        return said.timestamp() >= int(self._layout.api_ready.stat().st_mtime)

    def _renewed(self) -> bool:
        lease = self._api.get(_LEASE) or {}
        renewed: Any = lease.get("spec", {}).get("renewTime")
        if not renewed:
            return False
        # A cluster that was found running renews every other second; its last word will do.
        age = datetime.now(UTC) - datetime.fromisoformat(renewed)
        return age < timedelta(seconds=LEASE_SECONDS)

    def _look_for_trouble(self) -> None:
        if not self._alive():
            raise SupervisorGone
        if shutil.disk_usage(self._layout.root).free < _LEAST_ROOM_BYTES:
            raise disk_full(self._layout)
        for entry in self._components():
            if "address already in use" in entry["last_exit"]:
                raise PortTaken
            if "no space left on device" in entry["last_exit"]:
                raise disk_full(self._layout)

    def _components(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = read_json(self._layout.status).get("components", [])
        return found

    def _too_late(self, component: str, seconds: float) -> ProviderError:
        culprit = component if component != "node" else "kube-apiserver"
        said = last_error(self._layout, culprit) or self._last
        again = f"Look at {self._layout.log(culprit)}, then try `labgrader cluster up` again"
        ended = [one for one in self._components() if _does_not_stay(one)]
        if ended:  # what does not even run explains why others wait; etcd, the last, before all
            culprit = str(ended[-1]["name"])
            said = f"{culprit} ended: {ended[-1]['last_exit']}"
            again = f"Look at {self._layout.log(culprit)}"
            if culprit == "etcd":
                again += "; if its data is damaged or of another version, start anew: "
                again += f"`labgrader cluster down --purge{self._layout.option}`"
        return ProviderError(
            f"{component} was not ready within {seconds:.0f} s; last: {said}", again
        )


def _does_not_stay(component: dict[str, Any]) -> bool:
    """Tell whether a component ends again and again."""
    down = component.get("state") == "backing-off" or component.get("restarts", 0) > 1
    return down and bool(component.get("last_exit"))


def last_error(layout: ClusterLayout, component: str) -> str:
    """Return the line of the component's log that best says what is wrong, or ""."""
    try:
        with layout.log(component).open("rb") as stream:
            stream.seek(max(0, stream.seek(0, 2) - 8192))
            return telling_line(stream.read())
    except OSError:
        return ""
