"""Credentials, the log, Events, figures, and the tie between work and Lease."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest

from trading_operator import credentials, log
from trading_operator.client import ApiError, Unreachable
from trading_operator.config import Election
from trading_operator.credentials import NoCredentials
from trading_operator.events import Recorder
from trading_operator.leading import Leading
from trading_operator.lease import Elector
from trading_operator.metrics import Metrics
from virtual import FakeLeases, run


def kubeconfig(folder: Path, user: dict[str, Any]) -> str:
    path = folder / "kubeconfig"
    data = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": "http://127.0.0.1:1/"}}],
        "users": [{"name": "u", "user": user}],
    }
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    return str(path)


def test_a_token_file_is_read_for_every_request(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("one\n", encoding="utf-8")
    server = credentials.find(kubeconfig(tmp_path, {"tokenFile": "token"}))
    assert server.url == "http://127.0.0.1:1"
    assert server.headers() == {"Authorization": "Bearer one"}
    token.write_text("two", encoding="utf-8")
    assert server.headers() == {"Authorization": "Bearer two"}


def test_a_token_in_the_kubeconfig(tmp_path: Path) -> None:
    server = credentials.find(kubeconfig(tmp_path, {"token": "t"}))
    assert server.headers() == {"Authorization": "Bearer t"}


@pytest.mark.parametrize("user", [{"exec": {}}, {"auth-provider": {}}])
def test_other_ways_to_log_in_are_refused(tmp_path: Path, user: dict[str, Any]) -> None:
    with pytest.raises(NoCredentials, match="use a token"):
        credentials.find(kubeconfig(tmp_path, user))


def test_in_a_pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "IN_POD", tmp_path)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(NoCredentials, match="no pod"):
        credentials.find(None)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    with pytest.raises(NoCredentials, match="ServiceAccount"):
        credentials.find(None)  # no certificate, no token


def test_the_log_is_one_json_object_per_line() -> None:
    record = logging.makeLogRecord(
        {"msg": "created %s\nthere", "args": ("x",), "levelname": "INFO", "resource": "momo"}
    )
    line = log.JsonFormatter().format(record)
    assert "\n" not in line
    read = json.loads(line)
    assert (read["message"], read["level"], read["resource"]) == (
        "created x\nthere",
        "info",
        "momo",
    )


class FakeApi:
    """Keeps what is created; ``refuse`` is raised if it is set."""

    def __init__(self) -> None:
        self.created: list[dict[str, Any]] = []
        self.refuse: Exception | None = None

    async def create(self, path: str, body: dict[str, Any], *, dry_run: bool = False) -> Any:
        if self.refuse:
            raise self.refuse
        if not dry_run:
            self.created.append(body)


OBJ = {"metadata": {"name": "momo", "uid": "u", "resourceVersion": "1", "namespace": "n"}}


def test_the_same_trouble_is_told_once_until_it_was_well() -> None:
    api = FakeApi()

    async def story() -> None:
        recorder = Recorder(api, "n", "here")  # type: ignore[arg-type]
        task = asyncio.create_task(recorder.run())
        for _ in range(3):
            recorder.wrong(OBJ, "Bad", "no")
        recorder.well("momo")
        recorder.wrong(OBJ, "Bad", "no")
        await asyncio.sleep(1)
        task.cancel()

    run(story())
    assert [event["reason"] for event in api.created] == ["Bad", "Bad"]


def test_a_refused_event_shows_that_the_namespace_ends() -> None:
    api = FakeApi()
    causes = {"details": {"causes": [{"reason": "NamespaceTerminating"}]}}

    async def story() -> None:
        recorder = Recorder(api, "n", "here")  # type: ignore[arg-type]
        task = asyncio.create_task(recorder.run())
        for refusal, ends in (
            (Unreachable("down"), False),
            (ApiError(403, "forbidden"), False),
            (ApiError(403, "it is being terminated", causes), True),
        ):
            api.refuse = refusal
            recorder.done(OBJ, "Made", "made")
            await asyncio.sleep(1)
            assert recorder.ending is ends
        assert await recorder.namespace_ends()
        api.refuse = None
        assert not await recorder.namespace_ends()  # it is there again
        assert not recorder.ending
        task.cancel()

    run(story())


def test_figures_with_nothing_and_with_odd_statuses() -> None:
    metrics = Metrics()
    algorithms = [{**OBJ, "status": {"totalTrades": 3, "dailyPnL": "odd", "phase": None}}]
    metrics.show("lease", lambda: True, lambda: 2, lambda: algorithms)
    text = generate_latest(metrics.registry).decode()
    plain = 'name="momo",namespace="n"'
    assert f'trading_algorithm_total_trades{{{plain},strategy="unspecified"}} 3.0' in text
    assert f'trading_algorithm_info{{{plain},phase="Pending",strategy="unspecified"}} 1.0' in text
    assert "trading_algorithm_daily_pnl{" not in text
    assert 'controller_runtime_reconcile_errors_total{controller="tradingalgorithm"} 0.0' in text
    assert "_created" not in text


def elector(leases: FakeLeases) -> Elector:
    loop = asyncio.get_running_loop()
    return Elector(leases, "me", Election(duration=15, deadline=10, retry=2), loop.time)


def test_work_ends_at_the_deadline_even_if_the_api_hangs() -> None:
    async def story() -> None:
        loop, leases = asyncio.get_running_loop(), FakeLeases()
        ended: list[float] = []

        async def work() -> None:
            try:
                await asyncio.sleep(10**6)
            finally:
                ended.append(loop.time())

        stop = asyncio.Event()
        task = asyncio.create_task(Leading(elector(leases), work).run(stop))
        await asyncio.sleep(30)
        assert not ended
        leases.slowest = 10**5  # requests hang from now on
        begin = loop.time()
        await asyncio.sleep(11)
        assert ended
        assert ended[0] <= begin + 10
        stop.set()
        await task

    run(story())


def test_what_escapes_from_the_work_ends_everything_and_frees_the_lease() -> None:
    async def story() -> None:
        leases = FakeLeases()

        async def work() -> None:
            raise KeyError("a fault of ours")

        with pytest.raises(KeyError):
            await Leading(elector(leases), work).run(asyncio.Event())
        assert leases.lease is not None
        assert leases.lease["holderIdentity"] == ""

    run(story())
