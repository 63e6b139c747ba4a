"""The map window, on a cluster in memory that tells its changes as a real one does."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from labgrader.content import catalog
from labgrader.errors import Unreachable
from labgrader.kube.resources import CRD, DEPLOYMENT, LEASE, NAMESPACE, POD, REPLICA_SET, SERVICE
from labgrader.object_map import watcher
from labgrader.paths import content_root
from labgrader.tui.screens.help import HelpScreen
from labgrader.tui.screens.lab import LabScreen
from labgrader.tui.screens.map import MapScreen
from labgrader.tui.widgets.map_tree import MapTree
from tests.support.lab_on_fake import ALGORITHM, NS, LabOnFake, algorithm, definition, owned
from tests.support.snapshot_matrix import LOOKS

NOON = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
CATALOG = catalog.load(content_root())
HOSTILE = "[bold red]x[/] [@click=app.quit]y[/] \x1b[31mz\x1b]0;t\x07 \u202eabc 🦆"


@pytest.fixture
def cluster(monkeypatch):
    for name in ("RETRY_SECONDS", "ABSENT_SECONDS", "PACE_SECONDS"):
        monkeypatch.setattr(watcher, name, 0.05)
    made = LabOnFake(ALGORITHM)
    made.put(NAMESPACE, {"metadata": {"name": NS}, "status": {"phase": "Active"}})
    made.put(CRD, definition())
    momentum = made.put(ALGORITHM, algorithm("momentum-trader-prod", phase="Running"), NS)
    deployment = made.put(
        DEPLOYMENT,
        owned(
            "momentum-trader-prod-deployment",
            momentum,
            "TradingAlgorithm",
            spec={"replicas": 1},
            status={"readyReplicas": 1},
        ),
        NS,
    )
    replicas = made.put(
        REPLICA_SET,
        owned("momentum-trader-prod-deployment-6b7c5d8f9", deployment, "Deployment"),
        NS,
    )
    made.put(
        POD,
        owned(
            "momentum-trader-prod-deployment-6b7c5d8f9-x2x4z",
            replicas,
            "ReplicaSet",
            spec={"containers": [{}]},
            status={"conditions": [{"type": "Ready", "status": "True"}]},
        ),
        NS,
    )
    made.put(SERVICE, {"metadata": {"name": "momentum-trader-prod-service"}}, NS)
    made.put(LEASE, {"metadata": {"name": "trading-operator-leader"}}, NS)
    held = algorithm("test-deletion-algo")
    held["metadata"] |= {"deletionTimestamp": "2026", "finalizers": ["lab.fintech.io/hold"]}
    made.put(ALGORITHM, held, NS)
    yield made
    made.break_watches(None)


@pytest.fixture
def workbench(workbench, cluster):
    workbench.catalog = CATALOG
    workbench.cluster = cluster
    return workbench


async def until(p, part):
    """Wait until the screen says it."""
    for _ in range(500):
        await p.settle()
        if part in p.screen():
            return p.screen()
    pytest.fail(f"{part!r} never came:\n{p.screen()}")


async def opened(p, workbench):
    await p.app.push_screen(MapScreen(workbench, now=lambda: NOON))
    return await until(p, "objects shown; ")


def whole(screen):
    """Whether everything was read."""
    return "reading" not in screen


async def test_who_owns_what_is_seen_and_repeated_names_are_short(play, workbench):
    async with play((140, 40)) as p:
        await opened(p, workbench)
        screen = await until(p, "Service …-service")
        assert "TradingAlgorithm momentum-trader-prod  Running" in screen
        assert "Deployment …-deployment  Ready 1/1" in screen
        assert "ReplicaSet …-6b7c5d8f9" in screen
        assert "Pod …-x2x4z  Ready 1/1" in screen
        assert "Terminating (held by finalizer lab.fintech.io/hold)" in screen
        assert "! no owner: it stays behind when momentum-trader-prod is deleted" in screen
        assert "Lease trading-operator-leader  held by nobody" in screen
        atlas = p.app.screen._atlas
        await p.press("escape")
        assert isinstance(p.app.screen, LabScreen)
        assert atlas._stop.is_set(), "nothing is watched for a window that is closed"


async def test_changes_come_by_themselves_and_nothing_jumps(play, workbench, cluster):
    async with play((140, 40)) as p:
        await opened(p, workbench)
        await until(p, "held by nobody")
        tree = p.app.screen.query_one(MapTree)
        await p.press("down", "down", "space")
        chosen = tree.cursor_node.data.key
        folded = {node.data.key for node in tree.nodes() if not node.is_expanded}
        cluster.put(
            LEASE,
            {"metadata": {"name": "trading-operator-leader"}, "spec": {"holderIdentity": HOSTILE}},
            NS,
        )
        screen = await until(p, "held by [bold red]x[/]")
        assert "\x1b" not in screen
        assert "\u202e" not in screen
        assert tree.cursor_node.data.key == chosen
        assert folded == {node.data.key for node in tree.nodes() if not node.is_expanded}
        cluster.delete(LEASE, "trading-operator-leader", NS)
        for _ in range(500):
            await p.settle()
            if "trading-operator-leader" not in p.screen():
                return
        pytest.fail("It never went")


async def test_the_chosen_object_is_told_in_full_and_its_command_copied(play, workbench):
    async with play() as p:
        await opened(p, workbench)
        await until(p, "Service …-service")
        await p.press("n")
        await p.settle()
        detail = p.text("#map-detail")
        assert "Service momentum-trader-prod-service: ClusterIP; no owner" in detail
        await p.press("c")
        assert p.app.clipboard == f"kubectl describe service momentum-trader-prod-service -n {NS}"


async def test_what_needs_attention_is_found_in_what_is_folded(play, workbench):
    async with play() as p:
        await opened(p, workbench)
        await until(p, "Service …-service")
        tree = p.app.screen.query_one(MapTree)
        tree.root.collapse_all()
        tree.root.expand()
        await p.press("N")
        await p.settle()
        assert tree.cursor_node.data.name == "momentum-trader-prod-service"
        assert "Service …-service" in p.screen()


async def test_a_lost_cluster_is_said_with_the_time(play, workbench, cluster):
    async with play() as p:
        await opened(p, workbench)
        cluster.fault = lambda verb, plural: Unreachable("the cable [b]is[/b] out")
        cluster.break_watches(Unreachable("the cable [b]is[/b] out"))
        screen = await until(p, "stale since 12:00:00: the cable [b]is[/b] out")
        assert "momentum-trader-prod" in screen
        cluster.fault = lambda verb, plural: None
        await until(p, "objects shown")


async def test_five_thousand_pods_are_folded(play, workbench, cluster):
    for number in range(5000):
        cluster.put(POD, {"metadata": {"name": f"pod-{number}"}}, NS)
    async with play((110, 60)) as p:
        await opened(p, workbench)
        await until(p, "… and 4,980 more Pods")


async def test_content_without_a_map_is_said(play, workbench, tmp_path):
    async with play() as p:
        lab = replace(workbench.catalog.lab, root=tmp_path)
        workbench.catalog = replace(workbench.catalog, lab=lab)
        await p.app.push_screen(MapScreen(workbench))
        await until(p, "✘")
        assert "reset.yaml" in p.text("#map-head")


async def test_the_keys_are_explained(play, workbench):
    async with play((120, 50)) as p:
        await opened(p, workbench)
        await p.press("?")
        assert isinstance(p.app.screen, HelpScreen)
        shown = p.screen()
        for binding in MapScreen.BINDINGS:
            assert binding.tooltip in shown


@LOOKS
def test_it_looks_like_this(snap_compare, app, playing, workbench, size, theme):
    app.theme = theme

    async def act(pilot):
        p = playing(pilot)
        await p.painted()
        await opened(p, workbench)
        await until(p, "Service …-service")
        for _ in range(500):
            if whole(p.screen()):
                break
            await p.settle()
        await p.press("n")
        await p.settle()

    assert snap_compare(app, terminal_size=size, run_before=act)
