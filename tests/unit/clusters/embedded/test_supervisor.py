"""The supervisor with shell scripts as components: restart, order, lifeline, size."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import labgrader
from labgrader.clusters.embedded import child, processes
from labgrader.clusters.embedded.files import read_json
from labgrader.clusters.embedded.launch import launch
from labgrader.clusters.embedded.layout import ClusterLayout

# Like the real components: ends when its standard input does (sh gives a job /dev/null, hence 3).
_HOLD = "exec 3<&0; trap 'echo {0} ended >> {1}; exit 0' TERM; cat <&3 >/dev/null & wait $!"


class Rig:
    """A cluster folder with a plan of one's own."""

    def __init__(self, root: Path) -> None:
        self.layout = ClusterLayout("rig", root.resolve())
        for folder in self.layout.folders():
            folder.mkdir(exist_ok=True)
        self.order = root / "order"
        self.parts: list[dict] = []
        self.more: dict = {}

    def add(self, name: str, script: str = _HOLD, after: str = "", *, last: bool = False) -> None:
        text = script.replace("{0}", name).replace("{1}", str(self.order))
        env = {"LABGRADER_CLUSTER": str(self.layout.root), "PATH": os.environ["PATH"]}
        argv = ["/bin/sh", "-c", text]
        self.parts.append({"name": name, "argv": argv, "env": env, "after": after, "last": last})

    def launch(self):
        self.layout.plan.write_text(json.dumps({"components": self.parts, **self.more}))
        return launch(self.layout)

    def part(self, name: str) -> dict:
        found = read_json(self.layout.status).get("components", [])
        return next((part for part in found if part["name"] == name), {})

    def until(self, condition, seconds: float = 10.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            log = self.layout.log("supervisor")
            assert time.monotonic() < deadline, log.read_text() if log.exists() else "no log"
            time.sleep(0.01)

    def running(self, *names: str) -> bool:
        return all(self.part(name).get("state") == "running" for name in names)

    def gone(self) -> bool:
        return not processes.of_cluster(self.layout)


@pytest.fixture
def rig(tmp_path):
    made = Rig(tmp_path)
    yield made
    processes.end(processes.of_cluster(made.layout), 3)


def test_components_start_in_order_and_stop_in_the_other_one(rig):
    rig.add("store", last=True)
    rig.add("user", after="file:go")
    tether = rig.launch()
    rig.until(lambda: rig.running("store"))
    assert rig.part("user")["state"] == "stopped", "what it needs is not there"
    (rig.layout.run / "go").touch()
    rig.until(lambda: rig.running("store", "user"))
    tether.release()
    rig.until(lambda: read_json(rig.layout.status)["adopted"])
    tether.cut()
    assert rig.running("store", "user"), "released: it lives on"
    processes.supervisor(rig.layout).terminate()
    rig.until(rig.gone)
    assert rig.order.read_text().split("\n")[:2] == ["user ended", "store ended"]
    assert not rig.layout.status.exists()


def test_cutting_an_unreleased_tether_stops_everything(rig):
    rig.add("part")
    tether = rig.launch()
    assert tether.alive()
    rig.until(lambda: rig.running("part"))
    tether.cut()
    rig.until(rig.gone)


def test_kill_minus_nine_of_the_supervisor_ends_the_components(rig):
    rig.add("part")
    tether = rig.launch()
    rig.until(lambda: rig.running("part"))
    processes.supervisor(rig.layout).kill()
    rig.until(rig.gone)
    rig.until(lambda: not tether.alive())
    tether.cut()


def test_a_component_that_dies_starts_again_later_and_later(rig):
    rig.add("bad", "echo Error: no luck; exit 3")
    tether = rig.launch()
    rig.until(lambda: rig.part("bad").get("restarts", 0) >= 2)
    rig.until(lambda: rig.part("bad")["state"] == "backing-off")
    assert rig.part("bad")["last_exit"] == "exit status 3: Error: no luck"
    text = rig.layout.log("supervisor").read_text()
    waits = [
        float(line.split(" in ")[1].split()[0]) for line in text.splitlines() if " in " in line
    ]
    assert waits[:3] == sorted(waits[:3])
    assert waits[1] > waits[0]
    tether.cut()
    rig.until(rig.gone)


def test_one_that_cannot_be_started_is_told_and_tried_again(rig):
    rig.add("absent")
    rig.parts[0]["argv"] = ["/nonexistent/binary"]
    tether = rig.launch()
    rig.until(lambda: "cannot be started" in rig.part("absent").get("last_exit", ""))
    assert rig.part("absent")["state"] == "backing-off"
    tether.cut()
    rig.until(rig.gone)


def test_one_that_ignores_sigterm_is_killed(rig):
    rig.more = {"stop_seconds": 0.3}
    rig.add("deaf", "trap '' TERM; while :; do sleep 0.1; done")
    tether = rig.launch()
    rig.until(lambda: rig.running("deaf"))
    tether.cut()
    rig.until(rig.gone)


def test_a_second_supervisor_of_the_same_cluster_ends_at_once(rig):
    rig.add("part")
    first = rig.launch()
    rig.until(lambda: rig.running("part"))
    pid = rig.part("part")["pid"]
    second = launch(rig.layout)
    rig.until(lambda: not second.alive())
    second.cut()
    assert psutil.pid_exists(pid)
    assert first.alive()
    first.cut()


def test_the_back_off_doubles_to_its_limit_and_is_reset_by_a_long_life(tmp_path, monkeypatch):
    (tmp_path / "run").mkdir()
    (tmp_path / "logs").mkdir()
    spec = {"name": "x", "last": False, "after": "", "argv": ["/bin/false"], "env": {}}
    part = child.Child(spec, tmp_path, child.ParentPipe(), lambda text: None)
    now, waits = 100.0, []

    def live(seconds: float) -> None:
        nonlocal now
        pipe = part.start(now)
        part._process.wait()
        now += seconds
        assert part.reap(now)
        waits.append(part.due - now)
        while part.pump(pipe):
            pass
        now = part.due

    for _ in range(8):
        live(0.1)
    live(61)
    assert waits == pytest.approx([0.25, 0.5, 1, 2, 4, 8, 10, 10, 0.25])


def test_the_supervisor_imports_the_standard_library_only():
    package = str(Path(labgrader.__file__).parent.parent)
    code = (
        "import sys; before = set(sys.modules)\n"
        "import labgrader.clusters.embedded.supervisor\n"
        "print('\\n'.join(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": package},
        capture_output=True,
        text=True,
        check=True,
    )
    foreign = {
        name
        for name in done.stdout.split()
        if name.split(".")[0] not in sys.stdlib_module_names and not name.startswith("labgrader")
    }
    assert foreign == set()
    ours = {name for name in done.stdout.split() if name.startswith("labgrader.")}
    assert ours == {
        "labgrader.clusters",
        "labgrader.clusters.embedded",
        "labgrader.clusters.embedded.boundedlog",
        "labgrader.clusters.embedded.child",
        "labgrader.clusters.embedded.supervisor",
    }
