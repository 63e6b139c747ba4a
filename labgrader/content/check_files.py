"""Check files: the ``checks/`` of a lab, loaded as a package of its own.

The package is called ``labgrader_labs.<id>.checks``, so that the files of one lab can import from
each other (``from ._shared import …``), and those of two labs never meet. A file that cannot be
loaded takes away its own checks and no others.
"""

from __future__ import annotations

import ast
import importlib
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from labgrader import paths
from labgrader.content import check_trial
from labgrader.content.lab_folder import LabFolder
from labgrader.errors import CheckNotLoaded, ContentError
from labgrader.grading.registry import Check

PACKAGE = "labgrader_labs"
ALLOWED = ("labgrader.api", "labgrader.toolkit")
"""What of labgrader a check file may import."""

_MAY_BE_FORBIDDEN = re.compile(
    r"^\s*(?:from|import)\s+labgrader\b(?!\.(?:api|toolkit)\b)", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class LoadFault:
    """Why a check file could not be loaded, and in which line; ``text`` is what the file holds."""

    path: Path
    line: int
    why: str
    text: str = ""

    def __str__(self) -> str:
        """The fault as one line."""
        return f"{self.path}:{self.line} cannot be loaded: {self.why}"

    def declares(self, check: str) -> bool:
        """Whether the file would declare a check of this name."""
        return re.search(rf"^def {re.escape(check)}\(", self.text, re.MULTILINE) is not None


@dataclass(frozen=True, slots=True)
class Loaded:
    """The checks that a folder declares, and the files that could not be loaded."""

    checks: tuple[Check, ...] = ()
    faults: tuple[LoadFault, ...] = ()

    def by_id(self, wanted: Iterable[str] = ()) -> dict[str, Check]:
        """Return the checks by id, with a stand-in for each ``wanted`` one that did not load.

        Raises:
            ContentError: an id is used twice, or a check has no docstring.
        """
        found: dict[str, Check] = {}
        for declared in self.checks:
            if declared.id in found:
                raise ContentError(
                    f"{declared.source}: the check {declared.id} is already declared in"
                    f" {found[declared.id].source}",
                    "Rename one of them",
                )
            if not declared.why:
                raise ContentError(
                    f"{declared.source}: the check {declared.id} has no docstring",
                    "Say in it what the check looks at and why; learners read it",
                )
            found[declared.id] = declared
        for name in set(wanted) - found.keys():
            stand_in = self._stand_in(name)
            if stand_in:
                found[name] = stand_in
        return found

    def _stand_in(self, check: str) -> Check | None:
        """Return a check that cannot judge and says why, where a faulty file declares it."""
        fault = next((one for one in self.faults if one.declares(check)), None)
        if fault is None:
            return None

        def judge(*_context: object, **_parameters: object) -> None:
            raise CheckNotLoaded(str(fault), "`labgrader author lint` shows what is wrong")

        return Check(check, judge, str(fault), source=str(fault.path))


def load_checks(folder: Path, lab: str = "lab") -> Loaded:
    """Load every check file of ``folder``, as the package of the lab with this id.

    Files whose names begin with an underscore, and subfolders, are for the others to import.

    Raises:
        ContentError: the files do not load in time, or end the process.
    """
    if folder != LabFolder(paths.content_root()).checks:  # that is tried by its own tests
        check_trial.demand_loadable(folder, lab)
    return import_all(folder, lab, lambda path: None)


def import_all(folder: Path, lab: str, told: Callable[[Path], object]) -> Loaded:
    """Import every check file of ``folder`` in this process.

    Args:
        told: gets each file before it is imported.
    """
    package = _package(folder, lab)
    checks: list[Check] = []
    faults: list[LoadFault] = []
    for path in sorted(folder.glob("*.py")):
        if path.stem.startswith("_"):
            continue
        told(path)
        found = _import(package, path)
        if isinstance(found, LoadFault):
            faults.append(found)
        else:
            checks.extend(_declared_in(found))
    return Loaded(tuple(checks), tuple(faults))


def _package(folder: Path, lab: str) -> str:
    """Make the lab's package anew, without any module; return its name."""
    inner = f"{PACKAGE}.{re.sub(r'[^0-9A-Za-z_]', '_', lab)}"
    name = f"{inner}.checks"
    for known in [one for one in sys.modules if one == name or one.startswith(f"{name}.")]:
        del sys.modules[known]
    for one in (PACKAGE, inner):
        sys.modules.setdefault(one, ModuleType(one)).__path__ = []
    package = ModuleType(name, f"The checks of the lab {lab}.")
    package.__path__ = [str(folder)]
    sys.modules[name] = package
    importlib.invalidate_caches()
    return name


def _import(package: str, path: Path) -> ModuleType | LoadFault:
    text = path.read_text(encoding="utf-8", errors="replace")
    forbidden = next(forbidden_imports(text), None)
    if forbidden:
        line, name = forbidden
        why = f"it imports {name}, and a check file imports {' and '.join(ALLOWED)} alone"
        return LoadFault(path, line, why, text)
    try:
        return importlib.import_module(f"{package}.{path.stem}")
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a check file may raise anything
        why = " ".join(f"{type(error).__name__}: {error}".split())
        return LoadFault(path, _line(error, path), why, text)


def forbidden_imports(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and name of what a check file imports of labgrader and may not."""
    if not _MAY_BE_FORBIDDEN.search(text):
        return  # the usual case: no syntax tree has to be made
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return  # that is said when it is imported
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((node.lineno, name) for name in _imported(node) if not _may(name))


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    """Return the absolute names of modules that a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if node.level or node.module is None:
        return []
    if node.module == "labgrader":
        return [f"labgrader.{alias.name}" for alias in node.names]
    return [node.module]


def _may(name: str) -> bool:
    """Whether a check file may import a module of this name."""
    allowed = tuple(f"{one}." for one in ALLOWED)
    return not f"{name}.".startswith("labgrader.") or f"{name}.".startswith(allowed)


def _declared_in(module: ModuleType) -> list[Check]:
    """Return the checks that a module declares itself, and does not only import."""
    found = (value for value in vars(module).values() if isinstance(value, Check))
    return [one for one in found if one.judge.__module__ == module.__name__]


def _line(error: BaseException, path: Path) -> int:
    """Return the line of ``path`` that an error came from."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno or 1
    frames = traceback.extract_tb(error.__traceback__)
    return next((f.lineno or 1 for f in reversed(frames) if f.filename == str(path)), 1)
