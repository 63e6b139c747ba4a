"""``labgrader labs``: the labs that are installed."""

from __future__ import annotations

import rich_click as click

from labgrader.content.installed_labs import installed_labs
from labgrader.errors import ExitCode, UsageError
from labgrader.report.clean import one_line


@click.command()
def labs() -> int:
    """List the installed labs, and who brings each.

    `--lab ID`, or LABGRADER_LAB, chooses one for a command. Exit code 2: one cannot be used.
    """
    found = installed_labs()
    if not found:
        raise UsageError("No lab is installed", "Install one, or name a folder with --content")
    wide = max(len(one.id) for one in found)
    for one in found:
        if one.pack is None:
            what = f"cannot be used: {one.fault}"
        else:
            manifest = one.pack.manifest
            what = f"{manifest.title} ({manifest.points} points)"
        click.echo(one_line(f"{one.id:<{wide}}  {what}, from {one.origin}", 2000))
    return ExitCode.OK if all(one.pack for one in found) else ExitCode.USAGE
