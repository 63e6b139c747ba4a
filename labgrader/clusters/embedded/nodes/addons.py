"""Add-ons of a real node: images, storage class, DNS and metrics Services."""

from __future__ import annotations

import base64
import contextlib
import http
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

from labgrader.clusters.embedded.api import Api, NotReady
from labgrader.clusters.embedded.layout import ClusterLayout
from labgrader.clusters.embedded.nodes import images, storage
from labgrader.clusters.embedded.nodes.table import METRICS_PORT
from labgrader.clusters.embedded.pki import NODE_ADDRESS, Pki
from labgrader.clusters.provider import Progress
from labgrader.errors import LabError

_METRICS = {"name": "metrics-server", "namespace": "kube-system"}


@contextlib.contextmanager
def equipped(
    layout: ClusterLayout, api: Api, alive: Callable[[], bool], progress: Progress
) -> Iterator[None]:
    """Load images while the block waits for the cluster; then add the objects.

    Raises:
        LabError: an image cannot be loaded.
        NotReady: the API server stopped answering.
    """
    trouble: list[LabError] = []
    loading = threading.Thread(target=_load, args=(layout, alive, progress, trouble), daemon=True)
    loading.start()
    yield
    for path, content in (*_metrics_objects(Pki(layout.pki)), *storage.objects()):
        apply(api, path, content)
    loading.join()
    if trouble:
        raise trouble[0]


def apply(api: Api, path: str, content: dict[str, Any]) -> None:
    """Create the object or change it to ``content``; ``path`` is the collection's.

    Raises:
        NotReady: the server does not take it (yet).
    """
    name = content["metadata"]["name"]
    where = f"{path}/{name}?fieldManager=labgrader&force=true"
    body = json.dumps(content).encode()
    status, answer = api.request("PATCH", where, body, "application/apply-patch+yaml")
    if status not in (http.HTTPStatus.OK, http.HTTPStatus.CREATED):
        said = answer.get("message", "") if isinstance(answer, dict) else ""
        raise NotReady(f"{name}: HTTP {status} {said}".rstrip())


def _load(
    layout: ClusterLayout,
    alive: Callable[[], bool],
    progress: Progress,
    trouble: list[LabError],
) -> None:
    try:
        images.load_missing(images.Store(layout, alive), progress)
    except LabError as error:
        trouble.append(error)


def _metrics_objects(pki: Pki) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what makes metrics-server, which runs beside the API server, a part of its API."""
    port = {"name": "https", "port": 443, "protocol": "TCP"}
    yield (
        "/api/v1/namespaces/kube-system/services",
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": _METRICS,
            "spec": {"ports": [{**port, "targetPort": METRICS_PORT}]},
        },
    )
    labels = {"kubernetes.io/service-name": "metrics-server"}
    yield (
        "/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices",
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**_METRICS, "labels": labels},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [NODE_ADDRESS], "conditions": {"ready": True}}],
            "ports": [{"name": "https", "port": METRICS_PORT, "protocol": "TCP"}],
        },
    )
    bundle = base64.b64encode(pki.pair("ca").certificate.read_bytes()).decode()
    yield (
        "/apis/apiregistration.k8s.io/v1/apiservices",
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": "v1beta1.metrics.k8s.io"},
            "spec": {
                "group": "metrics.k8s.io",
                "version": "v1beta1",
                "service": {**_METRICS, "port": 443},
                "caBundle": bundle,
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
            },
        },
    )
