"""``labgrader map``: the lab's objects as a tree, and who owns what."""

from __future__ import annotations

import sys

import rich_click as click

from labgrader.app.workbench import Workbench
from labgrader.cli.options import workbench_options
from labgrader.errors import ExitCode
from labgrader.object_map.watcher import Map, MapWatcher
from labgrader.report import map as report
from labgrader.report.clean import one_line


@click.command("map")
@click.option("--plain", is_flag=True, help="One fact a line, no symbols or lines.")
@click.option("--watch", is_flag=True, help="Show it again at every change, until Ctrl-C.")
@workbench_options
def map_(workbench: Workbench, *, plain: bool, watch: bool) -> int:
    """Show the lab's objects on the cluster: who owns what, and how each is. Nothing is changed.

    What has no owner stands under the task that makes it. With --plain, --watch shows only what is
    new or gone. Exit code 3 where something cannot be read.
    """
    lab = workbench.catalog.lab
    atlas = MapWatcher(workbench.cluster, lab, lab.root)
    try:
        if watch:
            atlas.run(_Teller(plain=plain).tell)
        else:
            drawn = atlas.read()
            _write("\n".join(report.as_plain(drawn)) + "\n" if plain else report.as_text(drawn))
            return ExitCode.UNJUDGED if drawn.unseen or drawn.lost else ExitCode.OK
    finally:
        atlas.close()
        workbench.close()
    return ExitCode.OK


class _Teller:
    """Writes map after map."""

    def __init__(self, *, plain: bool) -> None:
        self._plain = plain
        self._lines: list[str] = []
        self._lost = ""

    def tell(self, drawn: Map) -> None:
        """Write what is different."""
        if drawn.lost != self._lost:
            self._lost = drawn.lost
            said = f"the cluster cannot be seen: {drawn.lost}" if drawn.lost else "it answers again"
            click.echo(f"labgrader: {one_line(said)}", err=True)
        lines = report.as_plain(drawn)
        if drawn.reading or lines == self._lines:
            return
        if self._plain:
            before, now = set(self._lines), set(lines)
            gone = [f"gone: {line}" for line in self._lines if line not in now]
            new = [line for line in lines if line not in before]
            _write("\n".join([*gone, *new]) + "\n")
        else:
            _write(report.as_text(drawn) + "\n")
        self._lines = lines


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
