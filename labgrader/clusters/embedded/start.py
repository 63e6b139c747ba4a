"""Bringing a cluster up: adopt the one that runs, or start it and stay tied to it until ready."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable

from labgrader.clusters.embedded import preflight, processes
from labgrader.clusters.embedded.api import Api, NotReady
from labgrader.clusters.embedded.binary import kube_binary, kube_crds
from labgrader.clusters.embedded.crds import apply_crds
from labgrader.clusters.embedded.files import read_json
from labgrader.clusters.embedded.launch import Tether, launch
from labgrader.clusters.embedded.layout import ClusterLayout
from labgrader.clusters.embedded.pki import Pki
from labgrader.clusters.embedded.readiness import (
    PortTaken,
    Readiness,
    SupervisorGone,
    last_error,
)
from labgrader.clusters.embedded.setup import prepare, remember, stored_port, write_kubeconfig
from labgrader.clusters.embedded.stop import stop
from labgrader.clusters.provider import Progress
from labgrader.errors import ProviderError
from labgrader.model.manifest import NOTHING, Needs

_TRIES = 3
_ADOPTION_SECONDS = 5.0


class Starter:
    """One ``up``; the caller holds the cluster's lock."""

    def __init__(
        self,
        layout: ClusterLayout,
        progress: Progress,
        needs: Needs = NOTHING,
        *,
        real_nodes: bool = False,
    ) -> None:
        self._layout = layout
        self._needs = needs
        self._progress = progress
        self._real = real_nodes

    def run(self) -> None:
        """Return when the cluster is ready; leave no process behind if it does not become so."""
        if self._adopted():
            write_kubeconfig(self._layout)
            try:
                self._wait(lambda: processes.supervisor(self._layout) is not None)
            except SupervisorGone:
                self._progress("cluster", "its supervisor just ended: starting it again")
            else:
                return
        self._start()

    def _adopted(self) -> bool:
        """Tell whether the cluster runs and is meant to.

        A supervisor that was never released is about to stop, because its ``up`` was killed. One
        whose port nobody knows any more (another version's files) cannot be talked to.
        """
        status = read_json(self._layout.status)
        meant = status.get("adopted") is True and status.get("state") == "running"
        known = stored_port(self._layout) is not None
        return meant and known and processes.supervisor(self._layout) is not None

    def _start(self) -> None:
        first = not (self._layout.etcd_data / "member").exists()
        binary = kube_binary()
        preflight.require(real_nodes=self._real)
        try:
            stop(self._layout, self._progress)
            for attempt in range(_TRIES):
                port = prepare(
                    self._layout, binary, self._progress, self._needs, real_nodes=self._real
                )
                if self._attempt(port, last=attempt == _TRIES - 1):
                    return
        except BaseException:
            self._undo(first=first)
            raise

    def _attempt(self, port: int, *, last: bool) -> bool:
        """Start everything once; return False when another try makes sense."""
        try:
            self._progress("cluster", f"starting on 127.0.0.1:{port}")
            self._run_tied()
        except PortTaken as error:
            if last:
                raise ProviderError(
                    "Other programs took every port that was tried", "Run the command again"
                ) from error
        except SupervisorGone as error:
            raise ProviderError(
                f"The supervisor ended: {last_error(self._layout, 'supervisor')}",
                f"Look at {self._layout.log('supervisor')}",
            ) from error
        else:
            return True
        stop(self._layout)
        return False

    def _run_tied(self) -> None:
        tether = launch(self._layout)
        try:
            self._wait(tether.alive)
            self._release(tether)
        finally:
            tether.cut()

    def _wait(self, alive: Callable[[], bool]) -> None:
        port = stored_port(self._layout) or 0
        api = Api(port, Pki(self._layout.pki))
        try:
            waiting = Readiness(self._layout, api, alive, real_nodes=self._real)
            if self._real:
                from labgrader.clusters.embedded.nodes.addons import equipped

                with equipped(self._layout, api, alive, self._progress):
                    waiting.wait(self._progress)
            else:
                waiting.wait(self._progress)
            known = read_json(self._layout.facts).get("crds", "")
            groups = self._needs.definitions
            made = apply_crds(api, kube_crds(), groups, known, self._progress)
            remember(self._layout, crds=made)
        except NotReady as error:
            raise ProviderError(
                f"The API server stopped answering: {error}",
                "Look at `labgrader cluster logs kube-apiserver`, then try again",
            ) from error
        finally:
            api.close()

    def _release(self, tether: Tether) -> None:
        """Let the supervisor go, and see that it knows before anybody else may look."""
        tether.release()
        deadline = time.monotonic() + _ADOPTION_SECONDS
        while read_json(self._layout.status).get("adopted") is not True:
            if not tether.alive():
                raise SupervisorGone
            if time.monotonic() > deadline:
                raise ProviderError("The supervisor does not answer", "Run the command again")
            time.sleep(0.005)

    def _undo(self, *, first: bool) -> None:
        """Stop what was started; of a first start nothing but the logs stays."""
        stop(self._layout)
        if first and self._layout.root.exists():
            for path in self._layout.root.iterdir():
                if path == self._layout.logs:
                    continue
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)
