"""Takes every trace of the lab off a test cluster."""

from __future__ import annotations

from labgrader.kube.client import Kube
from labgrader.lab_state.reset import Reset
from labgrader.paths import content_root


def wipe(kube: Kube) -> None:
    """Remove everything of the lab, and what a test put beside it."""
    lines: list[str] = []
    residue = Reset(kube, content_root(), lines.append, grace_seconds=0.5).run(include_unknown=True)
    assert not residue, f"{residue}: {lines}"
