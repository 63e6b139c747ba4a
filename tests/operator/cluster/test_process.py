"""The operator as a program: who leads, what an outage does, its configuration, its end."""

from __future__ import annotations

import copy
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from labgrader.kube.resources import SERVICE_ACCOUNT, dig
from labgrader.paths import content_root
from proxy import Proxy
from running import (
    ALGORITHM,
    DEPLOYMENT,
    LEADER,
    LEASE,
    PLATFORM,
    SETTINGS,
    Lab,
    Operator,
    until,
)

pytestmark = [pytest.mark.cluster]
SAMPLE = "sample-momentum-algo"
OUTSIDE = [sys.executable, "-m", "labgrader", "operator", "run", "--yes"]


def identity(operator: Operator) -> str:
    operator.says("contending")
    return next(str(line["identity"]) for line in operator.lines() if "identity" in line)


def transitions(lab: Lab) -> int:
    return int(dig(lab.get(LEASE, LEADER), "spec.leaseTransitions", 0))


def two(lab: Lab, **more: Any) -> tuple[Operator, Operator]:
    """Start a leader and one that waits."""
    leader = lab.start(**more)
    leader.says("leading")
    standby = lab.start()
    until(lambda: standby.ask("probes", "/readyz")[0] == 200)
    assert lab.holder() == identity(leader)
    return leader, standby


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_when_the_leader_ends_the_other_one_takes_over(lab: Lab, number: int) -> None:
    leader, standby = two(lab)
    lab.becomes(SAMPLE, "Active")
    count = transitions(lab)
    code = leader.end(number)
    assert code == (0 if number == signal.SIGTERM else -signal.SIGKILL)
    until(lambda: lab.holder() == identity(standby))
    assert transitions(lab) == count + 1
    lab.make("next")
    lab.becomes("next", "Active")


def test_the_last_one_leaves_the_lease_empty(lab: Lab) -> None:
    operator = lab.start()
    operator.says("leading")
    assert operator.end(signal.SIGINT) == 130
    assert lab.holder() == ""
    assert "Traceback" not in operator.log.read_text()


def test_who_was_stopped_and_wakes_up_writes_nothing(lab: Lab, proxy: Proxy) -> None:
    leader, standby = two(lab, proxy=proxy)
    lab.becomes(SAMPLE, "Active")
    leader.process.send_signal(signal.SIGSTOP)
    until(lambda: lab.holder() == identity(standby))
    lab.make("meanwhile")
    lab.becomes("meanwhile", "Active")
    proxy.writes.clear()
    leader.process.send_signal(signal.SIGCONT)
    leader.says("not leading any more")
    until(lambda: leader.ask("probes", "/readyz")[0] == 200)
    assert proxy.writes == []
    assert lab.holder() == identity(standby)


def test_an_outage_ends_the_term_and_later_it_goes_on(lab: Lab, proxy: Proxy) -> None:
    operator = lab.start(proxy=proxy)
    lab.becomes(SAMPLE, "Active")
    proxy.cut()
    operator.says("not leading any more")
    lab.make("meanwhile")
    assert operator.ask("probes", "/healthz")[0] == 200
    proxy.down = False
    operator.says("leading", times=3)  # leading, not leading any more, leading
    lab.becomes("meanwhile", "Active")


def test_the_lab_s_own_lease_and_a_deleted_one(lab: Lab) -> None:
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": LEADER, "namespace": PLATFORM, "labels": {"kept": "yes"}},
        "spec": {"holderIdentity": "", "leaseDurationSeconds": 60, "renewTime": None},
    }
    lab.kube.create(LEASE, lease, PLATFORM)
    operator = lab.start()
    until(lambda: lab.holder() == identity(operator))
    assert dig(lab.get(LEASE, LEADER), "metadata.labels.kept") == "yes"
    lab.kube.delete(LEASE, LEADER, PLATFORM)
    until(lambda: lab.holder() == identity(operator))


def test_configuration_is_followed_and_a_bad_one_is_not(lab: Lab) -> None:
    operator = lab.start()
    lab.becomes(SAMPLE, "Active")
    operator.config.write_text("operator: {reconcileInterval: soon}")
    operator.says("the last good one is")
    settings = copy.deepcopy(SETTINGS)
    settings["trading"] = {"defaultImage": "nginx:1.22", "defaultLabels": {"team": "fx"}}
    operator.config.write_text(yaml.safe_dump(settings))

    def followed() -> bool:
        made = lab.get(DEPLOYMENT, f"{SAMPLE}-deployment")
        containers = dig(made, "spec.template.spec.containers", [{}])
        labelled = dig(made, "metadata.labels", {}).get("team") == "fx"
        return bool(containers[0]["image"] == "nginx:1.22" and labelled)

    until(followed)


def test_without_election_it_works_alone(lab: Lab) -> None:
    settings = copy.deepcopy(SETTINGS)
    settings["operator"]["leaderElection"]["enabled"] = False  # type: ignore[index]
    operator = lab.start(settings)
    lab.becomes(SAMPLE, "Active")
    assert lab.get(LEASE, LEADER) is None
    assert operator.end() == 0


@pytest.mark.parametrize("text", ["{", "operator: {reconcileInterval: soon}"])
def test_a_start_that_makes_no_sense(tmp_path: Path, text: str) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "trading_operator", "--config", str(config)],
        env={**os.environ, "PYTHONPATH": str(content_root() / "solutions")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert str(config) in done.stderr


def test_labgrader_operator_run(lab: Lab, kubeconfig: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*OUTSIDE, "--kubeconfig", str(kubeconfig)], env=environment, stdout=out, stderr=out
        )
    running = Operator(process, log, tmp_path / "none")
    try:
        lab.becomes(SAMPLE, "Active")
        assert lab.get(ALGORITHM, SAMPLE)
        (line,) = [one for one in running.lines() if one["message"] == "serving metrics"]
        assert line["address"].startswith("127.0.0.1:")
        (folder,) = tmp_path.glob("labgrader-operator-*")
        assert {path.stat().st_mode & 0o077 for path in folder.iterdir()} == {0}
        assert running.end(signal.SIGINT) == 130
    finally:
        process.kill()
        process.wait()
    assert lab.holder() == ""
    assert not list(tmp_path.glob("labgrader-operator-*"))
    assert "Traceback" not in log.read_text()


def test_labgrader_operator_run_needs_task_2(lab: Lab, kubeconfig: Path) -> None:
    lab.kube.delete(SERVICE_ACCOUNT, "trading-operator", PLATFORM)
    done = subprocess.run(
        [*OUTSIDE, "--kubeconfig", str(kubeconfig)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4
    assert "labgrader solve task1 task2" in done.stderr
