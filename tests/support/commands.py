"""Running commands in this process, and the names of all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import click

from labgrader.cli import root

Run = Callable[..., tuple[int, str]]
"""Runs a command; returns its exit code and what it printed."""


def leaves(command: click.Command, path: str) -> Iterator[str]:
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from leaves(below, f"{path} {name}")
    else:
        yield path


def commands() -> set[str]:
    """Return how every command is called."""
    group, context = root.root, click.Context(root.root)
    found = ((name, group.get_command(context, name)) for name in root.COMMANDS)
    return {path for name, command in found if command for path in leaves(command, name)}
