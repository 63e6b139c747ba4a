"""The distribution of a lab: its names, and the folder with its pyproject.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labgrader.content.installed_labs import GROUP
from labgrader.errors import ContentError, UsageError

BACKEND = "hatchling.build"


def distribution_name(lab: str) -> str:
    """Return what the distribution of a lab is called; ``labgrader-kube`` can be none."""
    return f"labgrader-lab-{lab}"


def package_name(lab: str) -> str:
    """Return what the package in the distribution of a lab is called."""
    return distribution_name(lab).replace("-", "_")


@dataclass(frozen=True, slots=True)
class Distribution:
    """A folder with a pyproject.toml that brings a lab: ``package`` is the folder of the lab."""

    root: Path
    package: Path
    lab: str


def distribution_of(folder: Path) -> Distribution | None:
    """Return the distribution that a folder is, or whose package it is; None for a bare lab.

    Raises:
        ContentError: its pyproject.toml cannot be read.
        UsageError: it brings several labs, or another tool builds it.
    """
    folder = folder.resolve()
    for root in (folder, folder.parent):
        path = root / "pyproject.toml"
        if not path.is_file():
            continue
        data = _read(path)
        labs = _labs(data)
        packages = {_package(root, value): lab for lab, value in labs.items()}
        if root == folder and len(packages) > 1:
            names = ", ".join(str(package) for package in packages)
            raise UsageError(f"{path} brings several labs", f"Name one with --content: {names}")
        found = next(iter(packages), None) if root == folder else folder
        if found in packages:
            _demand_backend(path, data)
            return Distribution(root, found, packages[found])
    return None


def _package(root: Path, value: str) -> Path:
    """Return the folder of a package, which may be below ``src``."""
    below = root / "src" / value
    return below if below.is_dir() else root / value


def _read(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ContentError(f"{path} is not valid TOML: {error}", "Fix the line") from error


def _labs(data: Mapping[str, Any]) -> dict[str, str]:
    """Return the entry points of labs: package by id."""
    found: Any = data
    for key in ("project", "entry-points", GROUP):
        found = found.get(key, {}) if isinstance(found, Mapping) else {}
    if not isinstance(found, Mapping):
        return {}
    return {str(lab): str(package) for lab, package in found.items()}


def _demand_backend(path: Path, data: Mapping[str, Any]) -> None:
    """Raise ``UsageError`` where something else than hatchling builds the distribution."""
    system = data.get("build-system")
    backend = system.get("build-backend") if isinstance(system, Mapping) else None
    if backend != BACKEND:
        raise UsageError(
            f"{path} is built by {backend or 'setuptools'}, and `author pack` uses {BACKEND}",
            f"Set build-backend, or build it yourself: pip wheel --no-deps {path.parent}",
        )
