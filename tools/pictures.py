"""Makes the README's picture: the real program on a real cluster, in the middle of task 1.

Run by `make pictures`. Starts a cluster of its own, removes it afterwards, and writes
docs/pictures/lab.svg.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

from labgrader.cluster.embedded.provider import EmbeddedProvider
from labgrader.engine.kinds import Kinds
from labgrader.engine.solve import Solver
from labgrader.paths import STATE_VARIABLE, content_root
from labgrader.tui.app import LabApp
from labgrader.workbench import Choice, Workbench

PICTURES = Path(__file__).parent.parent / "docs" / "pictures"
SIZE = (132, 30)


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
        finally:
            provider.down(purge=True)
    (PICTURES / "lab.svg").write_text(svg, encoding="utf-8")
    print(f"wrote {PICTURES / 'lab.svg'}")


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


if __name__ == "__main__":
    main()
