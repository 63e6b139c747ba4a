"""``up`` that is killed or interrupted: nothing stays, and the next one works."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from labgrader.clusters.embedded import processes
from labgrader.kube.waiting import wait_until

pytestmark = pytest.mark.cluster

# What a background job starts ignores SIGINT: then Python would not raise KeyboardInterrupt.
_UP = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from labgrader.clusters.embedded.provider import EmbeddedProvider
EmbeddedProvider(sys.argv[1]).up(lambda c, m: print(c, m, flush=True))
"""


def _interrupt(lab, environment, moment: str, number: signal.Signals) -> int:
    """Run ``up`` in a process of its own and signal it when it says ``moment``."""
    with subprocess.Popen(
        [sys.executable, "-c", _UP, lab.provider.name],
        env=environment(lab),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as up:
        assert up.stdout
        for line in up.stdout:
            if moment in line:
                up.send_signal(number)
                break
        else:
            pytest.fail(f"`up` never said {moment!r}")
        return up.wait(timeout=30)


def _all_end(lab) -> None:
    """Wait for the end; what the killed one was just starting may appear after the first look."""
    assert wait_until(
        lambda: (
            not processes.of_cluster(lab.provider.layout)
            and lab.provider.status().state in ("stopped", "absent")
        ),
        15,
    ), lab.provider.status()


def test_kill_minus_nine_of_up_at_several_moments(make_lab, child_environment):
    lab = make_lab()
    for moment in ("made keys", "starting on", "is Ready"):
        assert _interrupt(lab, child_environment, moment, signal.SIGKILL) == -signal.SIGKILL
        _all_end(lab)
        lab.provider.down(purge=True)
    assert _interrupt(lab, child_environment, "API is ready", signal.SIGKILL) == -signal.SIGKILL
    # At once, while the supervisor of the killed one may still be stopping.
    assert lab.provider.up().state == "running"


def test_control_c_in_the_first_up_leaves_only_logs(make_lab, child_environment):
    lab = make_lab()
    code = _interrupt(lab, child_environment, "API is ready", signal.SIGINT)
    assert code == -signal.SIGINT
    assert not lab.processes()
    left = {path.name for path in lab.provider.layout.root.iterdir()}
    assert left == {"logs"}
    assert lab.provider.status().state == "absent"


def test_control_c_in_a_later_up_keeps_the_data(make_lab, child_environment):
    lab = make_lab()
    lab.provider.up()
    lab.kubectl("create", "configmap", "kept")
    lab.provider.down()
    _interrupt(lab, child_environment, "starting on", signal.SIGINT)
    assert not lab.processes()
    assert lab.provider.up().state == "running"
    assert lab.get("configmap", "kept")
