"""Runs the tests that the imports of a change can concern: `make changed`.

A changed module of the product concerns every test file that imports it, directly or not. What
imports do not show is added: a test that runs the program depends on all of it, one that reads the
lab's content on `tasks/`, `checks/`, `solutions/` and all that checks import. A file of an unknown
kind concerns every test. Without `--all` tests that need a cluster or a browser are left out.
"""

from __future__ import annotations

import argparse
import ast
import re
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {"labgrader": "labgrader", "trading_operator": "solutions/trading_operator"}
SUPPORT = ("tests/support", "tests/operator", "tools")
"""Folders whose modules tests import by their plain name."""

CONTENT = ("tasks/", "checks/", "solutions/", "tests/checks/")
IGNORED = ("bench/", ".gitignore")
"""Changes that no test of the fast ones reads."""

PAGES = (".md",)
"""What only the tests read that name the file."""

FAST = ("tests/unit", "tests/contract", "tests/tui", "tests/operator/unit", "tests/browser")
NOT_FAST = "not cluster and not browser"
NO_TESTS = 5
"""pytest's exit code where a chosen file holds no test that is to be run."""

_READS_CONTENT = re.compile(r"content_root|[\"'](?:tasks|checks|solutions)[\"'/]")
_NAMED_MODULE = re.compile(r"[\"'](labgrader(?:\.\w+)+)(?::\w+)?[\"']")
_RUNS_PROGRAM = re.compile(r"[\"']-m[\"'],\s*[\"']labgrader[\"']")


@dataclass(frozen=True, slots=True)
class Choice:
    """The test files to run with the reason for each; ``everything`` says why all are."""

    tests: Mapping[str, str] = field(default_factory=dict)
    everything: str = ""


@dataclass(frozen=True)
class Tree:
    """A checkout: its modules, its tests, and what each of them depends on."""

    root: Path
    graph: grimp.ImportGraph

    @cached_property
    def tests(self) -> list[str]:
        """The paths of all test files."""
        found = (self.root / "tests").rglob("test_*.py")
        return sorted(str(path.relative_to(self.root)) for path in found)

    def choose(self, changed: Collection[str]) -> Choice:
        """Return the test files that the changed paths concern."""
        modules = {module: path for path in changed if (module := self._module(path))}
        content = next((path for path in changed if self._is_content(path)), "")
        chosen: dict[str, str] = {}
        for path in changed:
            if self._module(path) or path.startswith((*CONTENT, *IGNORED)):
                continue
            concerned = self._by_file(path)
            if concerned is None:
                return Choice(everything=path)
            chosen |= dict.fromkeys(concerned, path)
        for test in self.tests:
            reason = self._reason(test, modules.keys(), content)
            if test not in chosen and reason:
                chosen[test] = reason
        return Choice(chosen)

    def _reason(self, test: str, modules: Collection[str], content: str) -> str:
        """Say what of the change a test depends on; empty where on nothing."""
        if content and self._matches(test, _READS_CONTENT):
            return content
        return next(iter(sorted(self._dependencies(test) & set(modules))), "")

    def _by_file(self, path: str) -> list[str] | None:
        """Return the tests that a file outside of the product concerns; None: all of them."""
        folder = str(Path(path).parent)
        if path in self.tests:
            return [path]
        if path.endswith(PAGES):
            return [test for test in self.tests if Path(path).name in self._text(test)]
        if folder in SUPPORT and path.endswith(".py"):
            return [test for test in self.tests if path in self._sources(test)]
        place = folder.split("/__snapshots__", maxsplit=1)[0]
        if place.startswith("tests/"):
            return [test for test in self.tests if test.startswith(f"{place}/")] or None
        return None

    def _is_content(self, path: str) -> bool:
        return path.startswith(CONTENT) and not self._module(path)

    def _module(self, path: str) -> str:
        """Return the module's name where a path is one of the product's; empty where not."""
        for package, folder in PACKAGES.items():
            if path.startswith(f"{folder}/") and path.endswith(".py"):
                inner = Path(path).relative_to(folder).with_suffix("").parts
                return ".".join([package, *(part for part in inner if part != "__init__")])
        return ""

    def _dependencies(self, test: str) -> set[str]:
        """Return the product's modules that a test needs, directly or not."""
        direct: set[str] = set()
        for source in self._sources(test):
            direct |= set(self._imports(source))
        if self._matches(test, _RUNS_PROGRAM):
            direct |= {"labgrader.__main__", "labgrader.cli"}
        if self._matches(test, _READS_CONTENT):
            for check in (self.root / "checks").rglob("*.py"):
                direct |= set(self._imports(str(check.relative_to(self.root))))
        known = self._known(direct)
        return known.union(*(self.graph.find_upstream_modules(one) for one in known))

    def _known(self, names: Iterable[str]) -> set[str]:
        """Return the modules that names of imports mean: ``a.b.thing`` may be a name in ``a.b``."""
        found = set()
        for name in names:
            parts = name.split(".")
            for length in range(1, len(parts) + 1):
                module = ".".join(parts[:length])
                if module in self.graph.modules:
                    found.add(module)
        return found

    def _matches(self, test: str, pattern: re.Pattern[str]) -> bool:
        return any(pattern.search(self._text(source)) for source in self._sources(test))

    def _sources(self, test: str) -> list[str]:
        """Return a test file and all files of support that it imports, and nearer conftests.

        The conftest of all tests is left out: what it imports serves the tests with a cluster.
        """
        found: list[str] = []
        todo = [test, *self._conftests(test)]
        while todo:
            current = todo.pop()
            if current in found:
                continue
            found.append(current)
            for name in self._imports(current):
                todo += [p for p in self._support(name.split(".")[0]) if p not in found]
        return found

    def _conftests(self, test: str) -> list[str]:
        folders = [folder for folder in Path(test).parents if len(folder.parts) > 1]
        paths = (folder / "conftest.py" for folder in folders)
        return [str(path) for path in paths if (self.root / path).is_file()]

    def _support(self, name: str) -> list[str]:
        paths = (f"{folder}/{name}.py" for folder in SUPPORT)
        return [path for path in paths if (self.root / path).is_file()]

    def _imports(self, path: str) -> list[str]:
        """Return the names that a file imports, wherever in it."""
        cache = self.__dict__.setdefault("_import_cache", {})
        if path not in cache:
            cache[path] = list(imported(self._text(path)))
        found: list[str] = cache[path]
        return found

    def _text(self, path: str) -> str:
        cache = self.__dict__.setdefault("_text_cache", {})
        if path not in cache:
            cache[path] = (self.root / path).read_text(encoding="utf-8")
        return str(cache[path])


def imported(text: str) -> Iterator[str]:
    """Yield the absolute names that Python source imports: modules, and names in them."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def changed_since(base: str, root: Path = ROOT) -> list[str]:
    """Return the paths that differ from ``base``, with those that git does not track yet."""
    commands = (
        ["git", "diff", "--name-only", "--no-renames", base],
        ["git", "ls-files", "--others", "--exclude-standard"],
    )
    lines: list[str] = []
    for command in commands:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"changed: git does not know {base}: {done.stderr.strip()}")
        lines += done.stdout.splitlines()
    return sorted(set(lines))


def tree(root: Path = ROOT) -> Tree:
    """Read the imports of a checkout."""
    before = list(sys.path)
    sys.path.insert(0, str(root / "solutions"))
    try:
        graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    finally:
        sys.path[:] = before
    _add_named_modules(graph, root)
    return Tree(root, graph)


def _add_named_modules(graph: grimp.ImportGraph, root: Path) -> None:
    """Add what is imported by a name in a string, as the commands of the program are."""
    for path in (root / "labgrader").rglob("*.py"):
        importer = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        for name in _NAMED_MODULE.findall(path.read_text(encoding="utf-8")):
            if name in graph.modules and importer in graph.modules and name != importer:
                graph.add_import(importer=importer, imported=name)


def main() -> int:
    """Choose, say what was chosen and why, and run it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--base", default="HEAD", help="what counts as changed is all since then")
    parser.add_argument("--all", action="store_true", help="also tests with a cluster or browser")
    parser.add_argument("--list", action="store_true", help="only say what would be run")
    options, more = parser.parse_known_args()
    changed = changed_since(options.base)
    choice = tree().choose(changed)
    if choice.everything:
        print(f"all tests: {choice.everything} can concern any of them")
    fast = {test: why for test, why in choice.tests.items() if test.startswith(FAST)}
    tests = choice.tests if options.all else fast
    for test, reason in tests.items():
        print(f"{test} ({reason})")
    if len(tests) < len(choice.tests):
        print(f"left out: {len(choice.tests) - len(tests)} files with a cluster; --all runs them")
    if not (tests or choice.everything):
        print("no change concerns a test" if changed else f"nothing changed since {options.base}")
    if options.list or not (tests or choice.everything):
        return 0
    places = list(tests) or (["tests"] if options.all else list(FAST))
    marks = [] if options.all else ["-m", NOT_FAST]
    command = [sys.executable, "-m", "pytest", *marks, *places, *more]
    done = subprocess.run(command, cwd=ROOT, check=False)
    return 0 if done.returncode == NO_TESTS else done.returncode


if __name__ == "__main__":
    sys.exit(main())
