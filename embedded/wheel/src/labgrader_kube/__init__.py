"""Where the embedded Kubernetes is: the binary, the monitoring CRDs, and the versions inside.

Nothing here starts a process; labgrader's embedded provider does that.
"""

from __future__ import annotations

import json
from pathlib import Path

__all__ = ["KUBERNETES_VERSION", "binary", "crd_dir", "rules", "versions"]

KUBERNETES_VERSION = "1.37.2"
"""The version of Kubernetes inside, and of this distribution."""

_DATA = Path(__file__).parent / "_data"


def binary() -> Path:
    """Return the path of the labgrader-kube binary.

    Raises FileNotFoundError in a checkout where it was not built yet.
    """
    return _built(_DATA / "bin" / "labgrader-kube", "binary")


def rules() -> Path:
    """Return the path of labgrader-rules, which asks Prometheus' code about alerts.

    Raises FileNotFoundError in a checkout where it was not built yet.
    """
    return _built(_DATA / "bin" / "labgrader-rules", "judge of alerts")


def crd_dir() -> Path:
    """Return the folder with the ServiceMonitor and PrometheusRule CRDs, one YAML file each.

    Raises FileNotFoundError in a checkout where they were not generated yet.
    """
    return _built(_DATA / "crds", "CRDs")


def versions() -> dict[str, str]:
    """Return component (kubernetes, etcd, kwok, ...) to version, and go, os and arch.

    Raises FileNotFoundError in a checkout where the binary was not built yet.
    """
    path = _built(_DATA / "versions.json", "list of versions")
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _built(path: Path, what: str) -> Path:
    if not path.exists():
        raise FileNotFoundError(
            f"embedded Kubernetes is not built here (no {what} at {path}): run `make kube`"
        )
    return path
