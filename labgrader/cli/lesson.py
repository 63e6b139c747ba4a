"""``labgrader lesson``: four short lessons on an operator's speed, each measured on the cluster."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import rich_click as click

from labgrader.app.workbench import Workbench
from labgrader.cli.consent import ask_to_write
from labgrader.cli.options import workbench_options
from labgrader.content.lab_folder import LabFolder
from labgrader.errors import ContentError
from labgrader.learning.measurements import MEASUREMENTS, WRITING
from labgrader.report.clean import one_line
from labgrader.util.bounded_yaml import read_documents
from labgrader.util.suggestion import unknown

_WIDTH = 88


@click.command()
@click.argument("name", required=False)
@click.option("--measure", is_flag=True, help="Measure it on the chosen cluster; seconds.")
@click.option("--yes", is_flag=True, help="Agree to writing to a cluster of your own.")
@workbench_options
def lesson(workbench: Workbench, name: str | None, *, measure: bool, yes: bool) -> None:
    """List the lessons on performance; with a name: the lesson, and what it is worth here."""
    lessons = _lessons(workbench.catalog.lab.root)
    if not lessons:
        raise ContentError("This lab has no lessons", "They are in tasks/lessons/*.yaml")
    if name is None:
        for key, one in lessons.items():
            click.echo(f"{key}: {one['title']}")
        return
    if name not in lessons:
        raise unknown("lesson", name, lessons)
    chosen = lessons[name]
    click.echo(f"{chosen['title']}\n")
    for paragraph in str(chosen["text"]).strip().split("\n\n"):
        click.echo(textwrap.fill(" ".join(paragraph.split()), _WIDTH) + "\n")
    if measure:
        if chosen["measure"] in WRITING:
            ask_to_write(workbench, "make a few objects for a moment", yes=yes)
        _measure(workbench, chosen["measure"])
    else:
        click.echo(f"What it is worth here: labgrader lesson {name} --measure\n")
    for link in chosen["docs"]:
        click.echo(f"Read: {link}")


def _lessons(root: Path) -> dict[str, Mapping[str, Any]]:
    """Return the lessons in the order of their files."""
    found = {}
    for path in LabFolder(root).lesson_files:
        (data,) = read_documents(path)
        found[path.stem.partition("-")[2]] = data
    return found


def _measure(workbench: Workbench, what: str) -> None:
    click.echo(f"{'':<42}{'requests':>9}{'kB':>9}{'ms':>9}")
    for row in MEASUREMENTS[what](workbench.cluster, workbench.catalog.lab.namespace):
        figures = f"{row.requests:>9}{row.kilobytes:>9}{row.milliseconds:>9}"
        click.echo(f"{one_line(row.what):<42}{figures}")
    click.echo()
