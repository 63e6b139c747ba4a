"""The configuration: the lab's file, and everything that can be wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from labgrader.paths import content_root
from trading_operator import config
from trading_operator.config import Address, BadConfig, Config


def test_the_solution_s_own_file() -> None:
    manifest = yaml.safe_load((content_root() / "solutions/task-3/10-config.yaml").read_text())
    read = config.parse(manifest["data"]["config.yaml"])
    labels = {
        "app.kubernetes.io/managed-by": "trading-operator",
        "fintech.io/component": "trading-algorithm",
    }
    assert read == Config(labels=labels)


def test_nothing_is_the_defaults(tmp_path: Path) -> None:
    assert config.parse("") == Config()
    assert config.parse("operator:\ntrading:\n") == Config()
    file = tmp_path / "config.yaml"
    file.write_text("operator: {name: x}")
    assert config.load(file, "elsewhere").namespace == "elsewhere"


def test_everything_can_be_set() -> None:
    read = config.parse(
        """
        operator:
          namespace: n
          reconcileInterval: 1m
          leaderElection: {enabled: false, id: l, leaseDuration: 3s, renewDeadline: 2s,
                           retryPeriod: 500ms}
          metrics: {enabled: false}
          health: {bindAddress: "[::1]:0"}
        trading:
          defaultImage: algo:2
          defaultResources: {requests: {cpu: 1, memory: 1Gi}}
          defaultLabels: {team: fx}
        """
    )
    assert (read.namespace, read.reconcile_interval, read.image) == ("n", 60, "algo:2")
    assert (read.election.enabled, read.election.name) == (False, "l")
    assert (read.election.duration, read.election.deadline, read.election.retry) == (3, 2, 0.5)
    assert (read.metrics, read.health) == (None, Address("::1", 0))
    assert read.resources == {"requests": {"cpu": "1", "memory": "1Gi"}}
    assert read.labels == {"team": "fx"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "no YAML"),
        ("- 1", "must be a mapping"),
        ("operator: 3", "operator must be a mapping"),
        ("operator: {reconcileInterval: 30}", "a time such as 30s"),
        ("operator: {reconcileInterval: 0s}", "a time such as 30s"),
        ("operator: {reconcileInterval: fast}", "a time such as 30s"),
        ("operator: {leaderElection: {enabled: maybe}}", "true or false"),
        ("operator: {leaderElection: {leaseDuration: 5s}}", "leaseDuration > renewDeadline"),
        ("operator: {metrics: {bindAddress: here}}", "bindAddress"),
        ("operator: {metrics: {bindAddress: ':99999'}}", "bindAddress"),
        ("trading: {defaultImage: 3}", "must be text"),
        ("trading: {defaultImage: ''}", "must be text"),
        ("trading: {defaultResources: {limits: {cpu: lots}}}", "no quantity"),
        ("trading: {defaultLabels: {a: 'b c'}}", "no label"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text: str, says: str) -> None:
    with pytest.raises(BadConfig, match=says) as caught:
        config.parse(text)
    assert "\n" not in str(caught.value)


def test_what_means_nothing_is_told(caplog: pytest.LogCaptureFixture) -> None:
    config.parse("operator: {reconcileIntervall: 30s}\nmore: 1")
    assert "operator.reconcileIntervall" in caplog.text
    assert "more" in caplog.text


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="cannot be read"):
        config.load(tmp_path / "none")
