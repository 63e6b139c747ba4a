"""Persistent volumes that outlive pods and ``down``: a storage class of the lab's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

CLASS = "standard"
PROVISIONER = "labgrader.dev/folder"


def objects() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the collection and the content of every object that storage needs."""
    yield (
        "/apis/storage.k8s.io/v1/storageclasses",
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {
                "name": CLASS,
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
            },
            "provisioner": PROVISIONER,
            "reclaimPolicy": "Delete",
            "volumeBindingMode": "WaitForFirstConsumer",
        },
    )
