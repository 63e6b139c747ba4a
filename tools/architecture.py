"""Draws the packages of labgrader and their imports into docs/architecture.md: `make architecture`.

The picture is a Mermaid diagram, which code hosts render, made of the imports as they are. An arrow
that follows from others (a needs b, b needs c) is left out, so that the layers can be seen.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- picture: make architecture -->", "<!-- end of picture -->"

Edges = Mapping[str, frozenset[str]]


def rooms(graph: grimp.ImportGraph) -> Edges:
    """Return what each package of labgrader imports of the others."""
    names = {one.rpartition(".")[2] for one in graph.find_children("labgrader")}
    names -= {"__main__"}
    found: dict[str, set[str]] = {name: set() for name in names}
    for module in graph.modules:
        room = _room(module)
        for imported in graph.find_modules_directly_imported_by(module):
            other = _room(imported)
            if room in found and other in found and other != room:
                found[room].add(other)
    return {room: frozenset(others) for room, others in sorted(found.items())}


def _room(module: str) -> str:
    package, _, rest = module.partition(".")
    return rest.partition(".")[0] if package == "labgrader" else ""


def reduced(edges: Edges) -> Edges:
    """Leave out what follows from the rest; imports have one direction, so there is no circle."""
    below = {room: _below(edges, room) for room in edges}
    return {
        room: frozenset(
            one for one in others if not any(one in below[other] for other in others - {one})
        )
        for room, others in edges.items()
    }


def _below(edges: Edges, room: str) -> set[str]:
    found: set[str] = set()
    waiting = list(edges[room])
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += edges[one]
    return found


def picture(edges: Edges) -> str:
    """Return the diagram as Markdown."""
    lines = ["```mermaid", "flowchart TD"]
    for room, others in edges.items():
        lines += [f"  {room} --> {other}" for other in sorted(others)]
    return "\n".join([*lines, "```"])


def page_with(drawn: str, text: str) -> str:
    """Return the page with the picture between its marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{drawn}\n{END}{after}"


def main() -> int:
    """Write the page anew; with `--check` say whether that would change it."""
    drawn = picture(reduced(rooms(grimp.build_graph("labgrader", cache_dir=None))))
    text = PAGE.read_text(encoding="utf-8")
    wanted = page_with(drawn, text)
    if "--check" in sys.argv[1:]:
        if wanted != text:
            print(
                "docs/architecture.md shows other imports than there are: run `make architecture`"
            )
        return int(wanted != text)
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
