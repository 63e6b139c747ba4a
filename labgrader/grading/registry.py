"""Checks: how one is declared, and how check files are found and loaded.

A check file is loaded by path, so that no importable package called ``checks`` ever lands beside
other people's modules.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from labgrader.errors import ContentError
from labgrader.grading.findings import Fact
from labgrader.util import threads

LOAD_SECONDS = 20.0
"""How long all check files may take to load; those of the shipped lab take a tenth of a second."""

CheckFunction = Callable[..., Iterable[Fact] | None]
"""``judge(context, **parameters)``: yields facts, or raises ``Failure``."""


@dataclass(frozen=True, slots=True)
class Check:
    """A declared check: the function, its words, and what it needs from the cluster.

    ``id`` is the function's name; ``why`` its docstring: what it looks at and why it matters.
    """

    id: str
    judge: CheckFunction
    why: str
    capabilities: tuple[str, ...] = ()
    source: str = ""
    seconds: float | None = None

    def parameters(self) -> tuple[set[str], set[str]]:
        """Return the names of all parameters and of those that must be given."""
        given = list(inspect.signature(self.judge).parameters.values())[1:]
        names = {p.name for p in given}
        return names, {p.name for p in given if p.default is p.empty}


def check(
    *, capabilities: Iterable[str] = (), seconds: float | None = None
) -> Callable[[CheckFunction], Check]:
    """Declare the decorated function to be a check.

    Args:
        capabilities: what the cluster must offer, e.g. ``("containers",)``; where it does not, the
            check is ``error: capability`` and is not called.
        seconds: how long it may take, where that is longer than what a check has by default: only
            for one that must watch something happen.
    """

    def declare(judge: CheckFunction) -> Check:
        source = inspect.getsourcefile(judge) or ""
        why = inspect.cleandoc(judge.__doc__ or "")
        return Check(judge.__name__, judge, why, tuple(capabilities), source, seconds)

    return declare


def load_checks(folder: Path) -> Mapping[str, Check]:
    """Load every ``*.py`` of ``folder`` and return its checks by id.

    Raises:
        ContentError: a file does not load, or not in time, an id is used twice, or a check has no
            docstring.
    """
    loading = [folder]
    future = threads.run_in_background(lambda: _load(folder, loading))
    try:
        return future.result(LOAD_SECONDS)
    except TimeoutError as error:
        if future.done():  # its own
            raise
        raise ContentError(
            f"{loading[-1]} was not loaded within {LOAD_SECONDS:.0f} s",
            "Look for what has no end at the top level of the file",
        ) from error


def _load(folder: Path, loading: list[Path]) -> Mapping[str, Check]:
    found: dict[str, Check] = {}
    for path in sorted(folder.glob("*.py")):
        loading.append(path)
        for declared in _declared_in(path):
            if declared.id in found:
                raise ContentError(
                    f"{path}: the check {declared.id} is already declared in"
                    f" {found[declared.id].source}",
                    "Rename one of them",
                )
            if not declared.why:
                raise ContentError(
                    f"{path}: the check {declared.id} has no docstring",
                    "Say in it what the check looks at and why; learners read it",
                )
            found[declared.id] = declared
    return found


def _declared_in(path: Path) -> list[Check]:
    """Execute one check file under a private module name and collect its checks."""
    module_name = f"labgrader_checks.{path.stem}"
    spec = spec_from_file_location(module_name, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a check file may raise anything, SystemExit as well
        del sys.modules[module_name]
        raise ContentError(
            f"{path} cannot be loaded: {type(error).__name__}: {error}", "Correct the file"
        ) from error
    return [value for value in vars(module).values() if isinstance(value, Check)]
