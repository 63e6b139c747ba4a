"""Makes the README's pictures: the real program on a real cluster, in the middle of task 1.

Run by `make pictures`. Starts a cluster of its own, removes it afterwards, and writes
{lab,solution,map,report}.svg into docs/pictures, and browser.png where Chromium is installed.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from textual.pilot import Pilot

import chromium
from labgrader.app.workbench import Choice, Workbench
from labgrader.clusters.embedded.provider import EmbeddedProvider
from labgrader.kube.rest_mapper import RestMapper
from labgrader.lab_state.solver import Solver
from labgrader.learning.sessions.sessions import Sessions
from labgrader.paths import STATE_VARIABLE, content_root
from labgrader.tui.app import LabApp
from labgrader.tui.launch import Launch

PICTURES = Path(__file__).parent.parent / "docs" / "pictures"
SIZE = (132, 30)
BROWSER_SIZE = (1280, 800)


def main() -> None:
    """Start a cluster, bring the lab half-way, take the picture."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as state:
        os.environ[STATE_VARIABLE] = state
        provider = EmbeddedProvider(name="default")
        try:
            status = provider.up()
            workbench = Workbench(Choice(kubeconfig=str(status.kubeconfig)))
            half_way(workbench)
            taken = asyncio.run(photograph(workbench))
            png = in_the_browser(str(status.kubeconfig)) if chromium.find() else None
        finally:
            provider.down(purge=True)
    for name, svg in taken.items():
        (PICTURES / f"{name}.svg").write_text(svg, encoding="utf-8")
        print(f"wrote {PICTURES / name}.svg")
    if png is None:
        print("no browser.png: Chromium is not installed (as root on Debian: make test-tools)")
        return
    (PICTURES / "browser.png").write_bytes(png)
    print(f"wrote {PICTURES / 'browser.png'}")


def half_way(workbench: Workbench) -> None:
    """Solve task 1, but with the mistake that the lab's original text makes (E3)."""
    cluster = workbench.cluster
    Solver(cluster, content_root(), lambda line: None).solve("task1")
    crd = RestMapper(cluster).find("apiextensions.k8s.io/v1", "CustomResourceDefinition")
    assert crd is not None
    remove = {"op": "remove", "path": "/spec/versions/0/subresources"}
    cluster.patch(crd, "tradingalgorithms.fintech.io", [remove])


async def photograph(workbench: Workbench) -> dict[str, str]:
    """Open the lab, go to the step that fails, and return screens as SVG by their names."""
    app = LabApp(Launch(workbench, Sessions, at_once=True))
    taken: dict[str, str] = {}
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, "15/20")
        await pilot.press("down", "down", "s", "d", "d")
        await pilot.pause(1.2)
        taken["lab"] = app.export_screenshot(title="labgrader")
        for name, key, shown in (("solution", "o", "yours"), ("map", "m", "objects shown")):
            await pilot.press(key)
            await until(pilot, shown)
            taken[name] = app.export_screenshot(title="labgrader")
            await pilot.press("escape")
        await pilot.press("g")
        await until(pilot, "over the budget")
        taken["report"] = app.export_screenshot(title="labgrader")
    return taken


async def until(pilot: Pilot[None], text: str) -> None:
    """Wait until the screen shows ``text``."""
    for _ in range(400):
        await pilot.pause(0.05)
        shown = pilot.app.export_screenshot().replace("&#160;", " ")
        if text in shown:
            return
    raise SystemExit(f"{text!r} never came")


def in_the_browser(kubeconfig: str) -> bytes:
    """Open the lab in Chromium, go to the step that fails, and return what is seen as PNG."""
    command = [sys.executable, "-m", "labgrader", "serve", "--kubeconfig", kubeconfig]
    command += ["--", "--at-once"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address = server.stdout.readline().removeprefix("Open ").strip()
            with chromium.Chromium(BROWSER_SIZE) as browser:
                page = browser.open(address)
                page.until_painted("15/20")
                page.type("jjs")
                page.until_painted("running")
                page.until_painted("Checks of 1.3")
                return page.picture()
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
