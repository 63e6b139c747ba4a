"""The map: the lab's objects as a tree, live. ``labgrader map`` shows the same as text."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import Static, Tree

from labgrader.app.workbench import Workbench
from labgrader.errors import LabError
from labgrader.object_map.tree import Node
from labgrader.object_map.watcher import Map, MapWatcher
from labgrader.report.clean import one_line
from labgrader.report.map import fact, label
from labgrader.tui import formatting
from labgrader.tui.launch import local_now
from labgrader.tui.screens.frame import Frame
from labgrader.tui.widgets.map_tree import MapTree


class Drawn(Message):
    """There is a new map."""

    def __init__(self, drawn: Map) -> None:
        super().__init__()
        self.drawn = drawn


class MapScreen(Frame):
    """Who owns what on the cluster, and how each object is; follows the cluster while it is open.

    Args:
        now: the time of day, for when the connection was lost.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "copy", "Copy", tooltip="Copy the command that looks at the chosen object"),
        Binding("n", "odd(1)", "Next", tooltip="Go to the next object that needs attention"),
        Binding("N", "odd(-1)", "Before", tooltip="Go to the one before that needs attention"),
        Binding("space", "fold", "Fold", tooltip="Fold or unfold (enter and a click do it too)"),
    ]
    DEFAULT_CSS = """
    #map-head { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    #map { height: 1fr; }
    #map-detail { height: auto; max-height: 5; padding: 0 1; border-left: thick $primary; }
    """

    def __init__(self, workbench: Workbench, *, now: Callable[[], datetime] | None = None) -> None:
        super().__init__()
        self._workbench = workbench
        self._now = now or local_now
        self._atlas: MapWatcher | None = None
        self._since: datetime | None = None

    def compose_inside(self) -> ComposeResult:
        """Yield how it stands, the tree, and what there is to say of the chosen object."""
        yield Static("reading…", id="map-head", markup=False)
        yield MapTree()
        yield Static(id="map-detail", markup=False)

    def on_mount(self) -> None:
        """Name the window, and begin to read when it is painted."""
        keys = "n next oddity, space folds, c copies, ? keys, esc closes"
        self.entitle("Map: who owns what", keys)
        self.query_one(MapTree).focus()
        self.call_after_refresh(self._begin)

    def on_unmount(self) -> None:
        """End the watches with the window."""
        if self._atlas is not None:
            self._atlas.close()

    def _begin(self) -> None:
        lab = self._workbench.catalog.lab
        try:
            self._atlas = MapWatcher(self._workbench.cluster, lab, lab.root)
        except LabError as error:
            self._say(Content.assemble(("✘ ", "bold $text-error"), formatting.foreign(error)))
            return
        threading.Thread(
            target=self._atlas.run, args=(self._tell,), name="map", daemon=True
        ).start()

    def _tell(self, drawn: Map) -> None:
        """Pass a map on. Called from another thread: only posts."""
        self.post_message(Drawn(drawn))

    def _say(self, text: Content) -> None:
        self.query_one("#map-head", Static).update(text)

    @on(Drawn)
    def _show(self, message: Drawn) -> None:
        drawn = message.drawn
        self._since = (self._since or self._now()) if drawn.lost else None
        self._say(_head(drawn, self._since))
        tree = self.query_one(MapTree)
        tree.show(drawn.nodes)
        self._explain(tree.cursor_node.data if tree.cursor_node else None)

    @on(Tree.NodeHighlighted)
    def _choose(self, message: Tree.NodeHighlighted[Node]) -> None:
        self._explain(message.node.data)

    def _explain(self, node: Node | None) -> None:
        detail = self.query_one("#map-detail", Static)
        detail.display = node is not None
        if node is not None:
            detail.update(_detail(node))

    def action_fold(self) -> None:
        """Fold or unfold what is chosen."""
        self.query_one(MapTree).action_toggle_node()

    def action_odd(self, by: int) -> None:
        """Go to another object that needs attention, round and round; unfold the way to it."""
        tree = self.query_one(MapTree)
        every = list(tree.nodes())
        found = [one for one in every if one.data is not None and one.data.odd]
        if not found:
            self.notify("Nothing here needs attention", markup=False)
            return
        places = [every.index(one) for one in found]
        here = every.index(tree.cursor_node) if tree.cursor_node in every else -1
        if by > 0:
            at = next((n for n, place in enumerate(places) if place > here), 0)
        else:
            before = [n for n, place in enumerate(places) if place < here]
            at = before[-1] if before else -1
        above = found[at].parent
        while above is not None and not above.is_root:
            above.expand()
            above = above.parent
        self.call_after_refresh(tree.move_cursor, found[at])

    def action_copy(self) -> None:
        """Copy how to look at what is chosen."""
        node = self.query_one(MapTree).cursor_node
        if node is None or node.data is None or not node.data.command:
            self.notify("Choose an object: its command is copied", markup=False)
            return
        self.copy_text(node.data.command)


def _head(drawn: Map, since: datetime | None) -> Content:
    if since is not None:
        lost = f"✘ Connection lost, stale since {since:%H:%M:%S}: "
        return Content.assemble((lost, "bold $text-error"), formatting.foreign(drawn.lost))
    every = list(_objects(drawn.nodes))
    odd = sum(one.odd for one in every)
    count = "1 object" if len(every) == 1 else f"{len(every)} objects"
    parts = [f"{count} shown"]
    if odd:
        parts.append(f"{odd} of them need attention" if odd > 1 else "1 of them needs attention")
    if drawn.unseen:
        parts.append(f"you may not read {', '.join(drawn.unseen)}")
    if drawn.reading:
        parts.append("reading…")
    return Content.styled(one_line("; ".join(parts)), formatting.MUTED)


def _objects(nodes: Iterable[Node]) -> Iterator[Node]:
    for node in nodes:
        if node.kind:
            yield node
        yield from _objects(node.children)


def _detail(node: Node) -> Content:
    """Say in full what the tree has no room for."""
    if not node.kind:
        count = sum(1 for _ in _objects(node.children))
        text = f"{count} objects below" if count else fact(node)
        return Content.assemble(
            (label(node), "bold"), (f"  {text}" if text else "", formatting.MUTED)
        )
    said = fact(node)
    return Content.assemble(
        (f"{node.tone.value} {label(node)}", "bold"),
        f": {said}" if said else "",
        ("\nc copies: ", formatting.MUTED),
        (one_line(node.command), "$text-primary"),
    )
