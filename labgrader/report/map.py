"""The map of the lab as text: a drawn tree, and (``plain``) one fact a line for screen readers."""

from __future__ import annotations

from collections.abc import Iterator

from labgrader.object_map.tree import Node
from labgrader.object_map.watcher import Map
from labgrader.report.clean import one_line

NAME_SHOWN = 120
"""Longer names are cut: an API server takes 253 characters."""


def label(node: Node) -> str:
    """Return ``Kind name``, safe to show."""
    name = one_line(node.name, NAME_SHOWN)
    return f"{one_line(node.kind, NAME_SHOWN)} {name}" if node.kind else name


def fact(node: Node) -> str:
    """Return how a node is and what is odd about it, safe to show; empty where there is nothing."""
    return "; ".join(part for part in (one_line(node.state), one_line(node.note)) if part)


def as_text(drawn: Map) -> str:
    """Return the map as a tree."""
    lines = []
    for group in drawn.nodes:
        lines += [_told(group), *_tree(group, ""), ""]
    lines += [f"? {kind}: you may not read these" for kind in drawn.unseen]
    return "\n".join(lines).rstrip("\n") + "\n"


def as_plain(drawn: Map) -> list[str]:
    """Return one fact a line: each object, how it is, and under whom it stands."""
    lines = [line for group in drawn.nodes for line in _plain(group, None)]
    return lines + [f"{kind}: you may not read these" for kind in drawn.unseen]


def _told(node: Node) -> str:
    said = fact(node)
    return f"{label(node)}: {said}" if said else label(node)


def _tree(node: Node, before: str) -> Iterator[str]:
    for number, child in enumerate(node.children, 1):
        last = number == len(node.children)
        mark = f"{child.tone.value} " if child.kind else ""
        yield f"{before}{'└─' if last else '├─'} {mark}{_told(child)}"
        yield from _tree(child, f"{before}{'   ' if last else '│  '}")


def _plain(node: Node, above: Node | None) -> Iterator[str]:
    under = f"; under {label(above)}" if above is not None else ""
    yield f"{_told(node)}{under}"
    for child in node.children:
        yield from _plain(child, node)
