"""Every key of the lab's screens has a command that does the same; docs/without-the-screen.md."""

from __future__ import annotations

import importlib
import pkgutil
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from textual.binding import Binding
from textual.screen import Screen

import labgrader.tui
from labgrader.cli.root import COMMANDS, root

PAGE = Path(__file__).parents[2] / "docs" / "without-the-screen.md"
ROWS = re.findall(r"^\| (.+?) \| (.+?) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)[1:]


def screens(above: type = Screen) -> Iterator[type]:
    for one in above.__subclasses__():
        yield one
        yield from screens(one)


def descriptions() -> set[str]:
    """Return what the keys of all our screens do."""
    for module in pkgutil.walk_packages(labgrader.tui.__path__, "labgrader.tui."):
        importlib.import_module(module.name)
    own = [one for one in screens() if one.__module__.startswith("labgrader.")]
    entries = [entry for one in own for entry in one.__dict__.get("BINDINGS", ())]
    return {entry.description for entry in entries if isinstance(entry, Binding)}


def test_every_key_has_a_command() -> None:
    # "Choose, then go on" has a comma of its own
    told = ", ".join(left for left, _ in ROWS)
    known = {part.strip() for part in told.split(",")} | {"Choose, then go on"}
    assert len(descriptions()) > 25
    assert descriptions() <= known


COMMAND_LINES = sorted(
    {line for _, right in ROWS for line in re.findall(r"`(labgrader [^`]+)`", right)}
)


@pytest.mark.parametrize("line", COMMAND_LINES)
def test_the_command_exists_and_takes_these_options(line: str) -> None:
    words = shlex.split(line)[1:]
    if words == ["--help"]:
        return
    assert words[0] in COMMANDS
    command = root.get_command(click.Context(root), words[0])  # type: ignore[attr-defined]
    assert command is not None
    rest = words[1:]
    if isinstance(command, click.Group):
        command = command.get_command(click.Context(command), rest.pop(0))
        assert command is not None
    # parses, or says that an option or a choice is not known
    command.make_context(words[0], rest, resilient_parsing=False)
