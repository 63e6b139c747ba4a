"""Inspects a cluster without changing it: what ``status`` shows."""

from __future__ import annotations

from typing import Any

import psutil

from labgrader.clusters.embedded import processes
from labgrader.clusters.embedded.api import Api, NotReady
from labgrader.clusters.embedded.files import read_json
from labgrader.clusters.embedded.layout import ClusterLayout
from labgrader.clusters.embedded.node_kinds import before
from labgrader.clusters.embedded.pki import Pki
from labgrader.clusters.embedded.setup import stored_port
from labgrader.clusters.provider import ClusterStatus, ComponentStatus

_ASK_SECONDS = 1.0


def inspect(layout: ClusterLayout) -> ClusterStatus:
    """Return the cluster's state, from its processes and its API rather than from files alone."""
    supervisor = processes.supervisor(layout)
    if supervisor is None:
        return _without_supervisor(layout)
    report = read_json(layout.status)
    entries = _entries(report)
    found = processes.components(layout, [entry.get("pid") for entry in entries])
    components = tuple(_component(entry, found.get(entry.get("pid"))) for entry in entries)
    version, trouble = _ask(layout)
    late = [c.name for c in components if c.state != "running"]
    note = trouble or (f"not running: {', '.join(late)}" if late else "")
    if not components:
        note = "its status file cannot be read: run `labgrader cluster down`, then `up`"
    return _status(
        layout,
        "degraded" if note else "running",
        components=components,
        server_version=version,
        note=note or _restarts(components),
    )


def _without_supervisor(layout: ClusterLayout) -> ClusterStatus:
    strays = len(processes.of_cluster(layout))
    if strays:
        note = (
            f"its supervisor is gone and {strays} processes are ending: run `cluster up` or `down`"
        )
        return _status(layout, "degraded", note=note)
    if not layout.facts.exists():
        return _status(layout, "absent")
    crashed = layout.status.exists()
    note = "its supervisor was killed; `labgrader cluster up` resumes with its data"
    return _status(layout, "stopped", note=note if crashed else "")


def _status(
    layout: ClusterLayout,
    state: str,
    *,
    components: tuple[ComponentStatus, ...] = (),
    server_version: str = "",
    note: str = "",
) -> ClusterStatus:
    port = read_json(layout.facts).get("port")
    known = layout.kubeconfig.is_file()
    nodes = before(layout) or "simulated"
    return ClusterStatus(
        provider="embedded",
        name=layout.name,
        state=state,
        nodes=nodes,
        server=f"https://127.0.0.1:{port}" if port else "",
        server_version=server_version,
        kubeconfig=layout.kubeconfig if known else None,
        context=layout.context if known else "",
        components=components,
        note=note,
    )


def _entries(report: dict[str, Any]) -> list[dict[str, Any]]:
    found = report.get("components", [])
    return [entry for entry in found if isinstance(entry, dict) and "name" in entry]


def _component(entry: dict[str, Any], process: psutil.Process | None) -> ComponentStatus:
    return ComponentStatus(
        name=str(entry["name"]),
        state=str(entry.get("state", "stopped")) if process else _not_running(entry),
        pid=process.pid if process else None,
        restarts=int(entry.get("restarts", 0)),
        last_exit=str(entry.get("last_exit", "")),
        pss_bytes=processes.pss_bytes(process.pid) if process else None,
    )


def _not_running(entry: dict[str, Any]) -> str:
    return "stopped" if entry.get("state") == "stopped" else "backing-off"


def _ask(layout: ClusterLayout) -> tuple[str, str]:
    """Return the server's version and what is wrong with its API, each possibly empty."""
    port = stored_port(layout) or 0
    try:
        api = Api(port, Pki(layout.pki), timeout=_ASK_SECONDS)
        try:
            version = api.get("/version")["gitVersion"]
            ready, _ = api.request("GET", "/readyz")
        finally:
            api.close()
    except (NotReady, OSError, TypeError, KeyError) as error:
        return "", f"the API does not answer: {error}"
    return str(version), "" if ready == 200 else f"/readyz says HTTP {ready}"


def _restarts(components: tuple[ComponentStatus, ...]) -> str:
    again = [f"{c.name} {c.restarts}x (last: {c.last_exit})" for c in components if c.restarts]
    return f"restarted: {'; '.join(again)}" if again else ""
