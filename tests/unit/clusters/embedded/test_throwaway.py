"""A cluster that does not come up leaves its logs, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from labgrader.clusters import throwaway
from labgrader.clusters.embedded.layout import ClusterLayout
from labgrader.clusters.embedded.provider import EmbeddedProvider
from labgrader.errors import ProviderError
from labgrader.model.manifest import Manifest

LAB = Manifest("small", "Small", "lab")


def test_the_logs_of_a_failed_start_stay(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LABGRADER_STATE_DIR", str(tmp_path / "state"))

    def up(self: EmbeddedProvider, progress: object) -> None:
        layout = ClusterLayout.of("demo")
        layout.logs.mkdir(parents=True)
        (layout.logs / "containerd.log").write_text("too many open files")
        raise ProviderError("containerd did not start", "See its log")

    monkeypatch.setattr(EmbeddedProvider, "up", up)
    with (
        pytest.raises(ProviderError, match=r"See its log\. Its logs: ") as caught,
        throwaway.cluster("demo", "simulated", lambda *_: None, LAB, keep=False),
    ):
        pytest.fail("it did not come up")
    kept = Path(caught.value.next_step.partition("Its logs: ")[2])
    assert (kept / "containerd.log").read_text() == "too many open files"
    assert not ClusterLayout.of("demo").root.exists()
