"""Makes the README's pictures: the real program on a real cluster, in the middle of task 1.

Run by `make pictures`. Starts a cluster of its own, removes it afterwards, and writes
docs/pictures/lab.svg, and docs/pictures/browser.png where Chromium is installed.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import chromium
from labgrader.cluster.embedded.provider import EmbeddedProvider
from labgrader.engine.kinds import Kinds
from labgrader.engine.solve import Solver
from labgrader.paths import STATE_VARIABLE, content_root
from labgrader.tui.app import LabApp
from labgrader.workbench import Choice, Workbench

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
            svg = asyncio.run(photograph(workbench))
            png = in_the_browser(str(status.kubeconfig)) if chromium.find() else None
        finally:
            provider.down(purge=True)
    (PICTURES / "lab.svg").write_text(svg, encoding="utf-8")
    print(f"wrote {PICTURES / 'lab.svg'}")
    if png is None:
        print("no browser.png: Chromium is not installed (as root on Debian: make test-tools)")
        return
    (PICTURES / "browser.png").write_bytes(png)
    print(f"wrote {PICTURES / 'browser.png'}")


def half_way(workbench: Workbench) -> None:
    """Solve task 1, but with the mistake that the lab's original text makes (E3)."""
    cluster = workbench.cluster
    Solver(cluster, content_root(), lambda line: None).solve("task1")
    crd = Kinds(cluster).find("apiextensions.k8s.io/v1", "CustomResourceDefinition")
    assert crd is not None
    remove = {"op": "remove", "path": "/spec/versions/0/subresources"}
    cluster.patch(crd, "tradingalgorithms.fintech.io", [remove])


async def photograph(workbench: Workbench) -> str:
    """Open the lab, go to the step that fails, and return the screen as SVG."""
    app = LabApp(workbench)
    async with app.run_test(size=SIZE) as pilot:
        for _ in range(200):
            await pilot.pause(0.05)
            if "15/20" in app.export_screenshot():
                break
        await pilot.press("down", "down", "s")
        await pilot.pause(1.2)
        return app.export_screenshot(title="labgrader")


def in_the_browser(kubeconfig: str) -> bytes:
    """Open the lab in Chromium, go to the step that fails, and return what is seen as PNG."""
    command = [sys.executable, "-m", "labgrader", "serve", "--kubeconfig", kubeconfig]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address = server.stdout.readline().removeprefix("Open ").strip()
            with chromium.Chromium(BROWSER_SIZE) as browser:
                page = browser.open(address)
                page.until_painted("15/20")
                page.type("jjs")
                page.until_painted("00:01 /")
                return page.picture()
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
