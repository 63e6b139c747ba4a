"""The snippets of a step, one at a time, ready to be copied."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.highlight import highlight
from textual.widgets import Static

from labgrader.model.task import Snippet
from labgrader.tui import formatting


class SnippetView(Vertical):
    """Shows the chosen snippet with colours; the head's parts can be clicked."""

    def __init__(self) -> None:
        super().__init__(id="snippet")
        self._snippets: Sequence[Snippet] = ()
        self._index = 0

    @property
    def snippet(self) -> Snippet | None:
        """The snippet that is shown."""
        return self._snippets[self._index] if self._snippets else None

    def compose(self) -> ComposeResult:
        """Yield the head and the code."""
        with Horizontal(id="snippet-head"):
            yield Static("[@click='screen.snippet(-1)']◂[/]", id="snippet-before")
            yield Static(id="snippet-title", markup=False)
            yield Static("[@click='screen.snippet(1)']▸[/]", id="snippet-next")
            yield Static("[@click=screen.copy]copy[/]", id="snippet-copy")
        yield Static(id="code", markup=False)

    def show(self, snippets: Sequence[Snippet]) -> None:
        """Show the first of ``snippets``."""
        self._snippets, self._index = snippets, 0
        self.display = bool(snippets)
        self._paint()

    def turn(self, by: int) -> None:
        """Show the next or an earlier one, round and round."""
        if self._snippets:
            self._index = (self._index + by) % len(self._snippets)
            self._paint()

    def _paint(self) -> None:
        snippet = self.snippet
        if snippet is None:
            return
        place = f"{self._index + 1}/{len(self._snippets)}"
        title = Content.assemble(
            (place, formatting.MUTED),
            " ",
            (snippet.title, "bold"),
            (f" ({snippet.language})", formatting.MUTED),
        )
        self.query_one("#snippet-title", Static).update(title)
        code = highlight(snippet.body.rstrip(), language=snippet.language)
        self.query_one("#code", Static).update(code)
        for arrow in ("#snippet-before", "#snippet-next"):
            self.query_one(arrow).display = len(self._snippets) > 1
