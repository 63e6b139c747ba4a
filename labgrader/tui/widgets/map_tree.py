"""The lab's objects as a tree that is brought up to date in place: nothing jumps or folds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.widgets import Tree
from textual.widgets.tree import TreeNode

from labgrader.kube.status import Severity
from labgrader.object_map.tree import Node
from labgrader.report.clean import one_line

_TONES = {
    Severity.GOOD: "map--good",
    Severity.WAITING: "map--waiting",
    Severity.BAD: "map--bad",
    Severity.PLAIN: "map--muted",
}
_LEAST_ROOM = 12


class MapTree(Tree[Node]):
    """Shows nodes of the map; labels are cut to the width, so that it scrolls up and down only."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {*_TONES.values(), "map--heading", "map--note"}
    DEFAULT_CSS = """
    MapTree {
        background: $surface;
        padding: 0;
        overflow-x: hidden;
        & > .tree--guides, & > .tree--guides-hover, & > .tree--guides-selected {
            color: $foreground-darken-3;
        }
        & > .tree--cursor { background: $primary 15%; text-style: bold; color: $foreground; }
        &:focus {
            background-tint: transparent;
            & > .tree--cursor { background: $primary 35%; text-style: bold; color: $foreground; }
            & > .tree--guides, & > .tree--guides-hover, & > .tree--guides-selected {
                color: $foreground-darken-3;
            }
        }
        &:ansi {
            & > .tree--guides, & > .tree--guides-hover, & > .tree--guides-selected {
                color: ansi_default;
            }
        }
        & > .map--heading { text-style: bold; color: $text-primary; }
        & > .map--good { color: $text-success; }
        & > .map--waiting { color: $text-warning; }
        & > .map--bad { color: $text-error; }
        & > .map--note { color: $text-warning; }
        & > .map--muted { color: $foreground-darken-2; }
    }
    """

    def __init__(self) -> None:
        super().__init__("", id="map")
        self.show_root = False
        self.guide_depth = 3

    def show(self, nodes: Sequence[Node]) -> None:
        """Show these nodes; what stands there already keeps its place, its folds and the cursor."""
        _renew(self.root, nodes)
        if self.cursor_line < 0 and nodes:
            self.cursor_line = 0

    def nodes(self) -> Iterator[TreeNode[Node]]:
        """Yield everything, from top to bottom, folded or not."""
        waiting = list(reversed(self.root.children))
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))

    def render_label(self, node: TreeNode[Node], base_style: Style, style: Style) -> Text:
        """Return a line: mark, kind, name, state in a word, and what is odd."""
        shown = node.data
        if shown is None:
            return Text("")
        above = node.parent.data if node.parent is not None else None
        text = Text.assemble(*self._parts(shown, above))
        text.stylize_before(base_style + style)
        fold = ("▾ " if node.is_expanded else "▸ ") if node.allow_expand else "  "
        line = Text.assemble((fold, base_style + Style(meta={"toggle": True})), text)
        room = self.scrollable_content_region.width - self.guide_depth * _depth(node)
        line.truncate(max(room, _LEAST_ROOM), overflow="ellipsis")
        return line

    def _parts(self, shown: Node, above: Node | None) -> Iterator[tuple[str, Style]]:
        def style(name: str) -> Style:
            return self.get_component_rich_style(name, partial=True)

        tone = style(_TONES[shown.tone])
        if shown.kind:
            yield f"{shown.tone.value} ", tone
            yield f"{one_line(shown.kind)} ", style("map--muted")
            yield short_name(shown, above), Style(bold=True)
        else:
            heading = "map--muted" if above is not None else "map--heading"
            yield one_line(shown.name), style(heading)
        if shown.state:
            yield f"  {one_line(shown.state)}", tone
        if shown.note:
            yield f"  ! {one_line(shown.note)}", style("map--note")


def short_name(shown: Node, above: Node | None) -> str:
    """Return the name without what it repeats of the one above, as a Pod does its ReplicaSet's."""
    if above is not None and above.kind and shown.name.startswith(f"{above.name}-"):
        return f"…{one_line(shown.name[len(above.name) :])}"
    return one_line(shown.name)


def _depth(node: TreeNode[Node]) -> int:
    depth = -1  # the root is not shown
    while node.parent is not None:
        depth, node = depth + 1, node.parent
    return depth


def _renew(place: TreeNode[Node], nodes: Sequence[Node]) -> None:
    """Make the children of ``place`` what ``nodes`` say, touching only what differs."""
    wanted = [node.key for node in nodes]
    known = set(wanted)
    for child in list(place.children):
        if child.data is None or child.data.key not in known:
            child.remove()
    kept = [child.data.key for child in place.children if child.data]
    there = set(kept)
    if kept != [key for key in wanted if key in there]:  # in another order: then all anew
        place.remove_children()
        there = set()
    for number, node in enumerate(nodes):
        if node.key not in there:
            _add(place, node, number)
        elif place.children[number].data != node:
            child = place.children[number]
            child.data = node
            child.allow_expand = bool(node.children)
            _renew(child, node.children)
            child.refresh()


def _add(place: TreeNode[Node], node: Node, number: int) -> None:
    before = number if number < len(place.children) else None
    folds = bool(node.children)
    child = place.add("", node, before=before, expand=True, allow_expand=folds)
    for index, under in enumerate(node.children):
        _add(child, under, index)
