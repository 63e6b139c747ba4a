"""The check files of a lab as syntax trees, and which one is the cause when several do not load.

``content.check_files`` loads only the files that declare checks; here are those as well that they
import, such as ``checks/_shared/``.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from labgrader.author.reading import Finding
from labgrader.content.check_files import LoadFault

_IMPORTER = ("ImportError", "ModuleNotFoundError")
"""Errors that are the importing file's own: it names what is not there."""


@dataclass(frozen=True, slots=True)
class CheckSources:
    """The check files that are Python, as trees; ``unparsed`` are those that are not."""

    folder: Path
    trees: Mapping[Path, ast.Module] = field(default_factory=dict)
    unparsed: tuple[Finding, ...] = ()


def read_sources(folder: Path) -> CheckSources:
    """Parse every Python file below the folder of a lab's checks; never raises."""
    trees: dict[Path, ast.Module] = {}
    unparsed = []
    for path in sorted(folder.rglob("*.py")):
        try:
            trees[path] = ast.parse(path.read_bytes(), filename=str(path))
        except (SyntaxError, ValueError, RecursionError, OSError) as error:
            line, what = getattr(error, "lineno", None) or 1, f"{type(error).__name__}: {error}"
            unparsed.append(Finding(path, line, "loads", f"does not load: {what}", "Fix the line"))
    return CheckSources(folder, trees, tuple(unparsed))


def causes(faults: Iterable[LoadFault], sources: CheckSources) -> Iterator[Finding]:
    """Yield why check files do not load, once for each cause.

    A file that imports another one that does not load is not to blame.
    """
    yield from sources.unparsed
    bad = {finding.path for finding in sources.unparsed}
    found: dict[tuple[Path, int, str], list[Path]] = defaultdict(list)
    for fault in faults:
        imported = _imported_at(fault, sources)
        if fault.path in bad or bad & _closure(imported, sources):
            continue
        own = not imported or fault.why.startswith(_IMPORTER)
        place = (fault.path, fault.line) if own else (imported[0], 1)
        found[*place, fault.why].append(fault.path)
    for (path, line, why), importers in found.items():
        others = [one.name for one in importers if one != path]
        fix = f"Fix the file; {', '.join(others)} cannot load without it" if others else "Fix it"
        yield Finding(path, line, "loads", f"does not load: {why}", fix)


def _imported_at(fault: LoadFault, sources: CheckSources) -> list[Path]:
    """Return the lab's files that the statement imports in which loading ended."""
    tree = sources.trees.get(fault.path)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.ImportFrom) and node.lineno <= fault.line <= (node.end_lineno or 0):
            return _targets(fault.path, node)
    return []


def _closure(paths: list[Path], sources: CheckSources) -> set[Path]:
    """Return files of the lab with all those that they import."""
    found: set[Path] = set()
    left = list(paths)
    while left:
        path = left.pop()
        if path in found:
            continue
        found.add(path)
        tree = sources.trees.get(path)
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, ast.ImportFrom):
                left += _targets(path, node)
    return found


def _targets(path: Path, node: ast.ImportFrom) -> list[Path]:
    """Return the files that a relative import in a file reads; the module itself comes first."""
    if not node.level:
        return []
    base = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
    names = [base.with_suffix(".py"), base / "__init__.py"] if node.module else []
    names += [base / f"{alias.name}.py" for alias in node.names]
    return [one for one in names if one.is_file()]
