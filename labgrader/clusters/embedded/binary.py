"""Locates the binary of the ``labgrader_kube`` package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labgrader.errors import LabError

_NEXT = (
    "Run `make kube` in the checkout, or `pip install 'labgrader[embedded]'`, "
    "or choose another cluster with --context"
)


def kube_binary() -> Path:
    """Return the multi-call binary.

    Raises:
        LabError: it is not installed, or not built.
    """
    return _ask("binary")


def kube_crds() -> Path:
    """Return the folder of the monitoring CRDs; errors as for ``kube_binary``."""
    return _ask("crd_dir")


def rules_binary() -> Path:
    """Return the program that asks Prometheus' code; errors as for ``kube_binary``."""
    return _ask("rules")


def _ask(what: str) -> Path:
    try:
        import labgrader_kube

        # A folder without the package's code imports too, as an empty namespace package.
        ask: Any = getattr(labgrader_kube, what, None)
        if ask is None:
            raise ImportError(f"labgrader_kube has no {what}()")
        found: Path = ask()
    except ImportError as error:
        raise LabError("The embedded Kubernetes is not installed", _NEXT) from error
    except FileNotFoundError as error:
        raise LabError(str(error).rstrip("."), _NEXT) from error
    return found
