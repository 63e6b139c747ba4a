"""Builds the wheel of a lab with hatchling, in this process, after lint has found nothing.

A lab that has a pyproject.toml is built as that says; for a folder without one the metadata comes
from the manifest. A wheel is handed over only when the whole lab is in it.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from configparser import ConfigParser
from pathlib import Path
from typing import Any

from labgrader.author.distribution import (
    Distribution,
    distribution_name,
    distribution_of,
    package_name,
)
from labgrader.author.lint import lint
from labgrader.content.installed_labs import GROUP
from labgrader.content.lab_folder import LabFolder
from labgrader.content.lab_pack import LabPack, open_pack
from labgrader.errors import ContentError, LabError, UsageError

PARTS = ("tasks", "checks", "solutions", "tests/checks")
"""The folders of a lab that go into its wheel; a lab may have no cases."""


def pack(folder: Path, output: Path) -> tuple[Path, list[str]]:
    """Build the wheel of the lab in a folder, or of the distribution that the folder is.

    Args:
        output: the folder that gets the wheel; it is made where it does not exist.

    Returns:
        The wheel, and what its author should know about it.

    Raises:
        UsageError: hatchling is missing, or the folder is no lab.
        ContentError: lint finds something, or the wheel would lack a part of the lab.
        LabError: the wheel cannot be built or written.
    """
    _demand_hatchling()
    distribution = None if LabFolder(folder).manifest.is_file() else distribution_of(folder)
    lab = open_pack(distribution.package if distribution else folder)
    _demand_clean(lab.folder.root)
    distribution = distribution or distribution_of(folder)
    with tempfile.TemporaryDirectory(prefix="labgrader-pack-") as scratch:
        built = _build(lab, distribution, Path(scratch))
        notes = _demand_whole(built, lab, distribution)
        return _hand_over(built, output), notes


def _demand_hatchling() -> None:
    try:
        import hatchling.builders.wheel  # noqa: F401 - the part that is needed
    except ImportError as error:
        raise UsageError(
            "`author pack` needs hatchling, which is not installed",
            "Install it: pip install 'labgrader[author]'",
        ) from error


def _demand_clean(root: Path) -> None:
    """Raise ``ContentError`` with the first thing that lint finds."""
    findings, _ = lint(root)
    if findings:
        more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        next_step = f"Fix what `labgrader author lint --content {root}` lists"
        first = findings[0]
        place = f"{first.path}:{first.line}"
        raise ContentError(f"Not packed: {place}: {first.rule}: {first.what}{more}", next_step)


def _build(lab: LabPack, distribution: Distribution | None, scratch: Path) -> Path:
    """Have hatchling build a wheel into ``scratch``; return it."""
    from hatchling.builders.wheel import WheelBuilder

    root = distribution.root if distribution else scratch / "source"
    config = None if distribution else _made_up(lab, root)
    try:
        builder = WheelBuilder(str(root), config=config)
        return Path(next(builder.build(directory=str(scratch / "out"), versions=["standard"])))
    except OSError as error:
        raise LabError(f"The wheel cannot be built: {error}", "Make the file readable") from error
    except (Exception, SystemExit) as error:  # hooks of the distribution may raise anything
        why = " ".join(str(error).split()) or type(error).__name__
        place = root / "pyproject.toml" if distribution else lab.folder.manifest
        raise ContentError(f"hatchling cannot build it: {why}", f"Fix {place}") from error


def _made_up(lab: LabPack, root: Path) -> dict[str, Any]:
    """Return what a pyproject.toml would say for a bare lab, and make the package's first file."""
    manifest = lab.manifest
    package = package_name(manifest.id)
    root.mkdir()
    (root / "__init__.py").write_text(f'"""The lab {manifest.id} for labgrader."""\n', "utf-8")
    parts = {part: lab.folder.root.resolve() / part for part in PARTS}
    included = {str(path): f"{package}/{part}" for part, path in parts.items() if path.is_dir()}
    included["__init__.py"] = f"{package}/__init__.py"
    wheel = {"bypass-selection": True, "force-include": included}
    return {
        "project": {
            "name": distribution_name(manifest.id),
            "version": manifest.version,
            "description": f"{manifest.title}: a lab for labgrader",
            "requires-python": ">=3.11",
            "dependencies": [f"labgrader{manifest.requires}"],
            "entry-points": {GROUP: {manifest.id: package}},
        },
        "tool": {"hatch": {"build": {"exclude": ["*.pyc"], "targets": {"wheel": wheel}}}},
    }


def _demand_whole(wheel: Path, lab: LabPack, distribution: Distribution | None) -> list[str]:
    """Return what is worth a note about a wheel.

    Raises:
        ContentError: a file of the lab is not in it, or no entry point leads to the lab.
    """
    package = distribution.package.name if distribution else package_name(lab.manifest.id)
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        entries = next((one for one in names if one.endswith(".dist-info/entry_points.txt")), "")
        text = archive.read(entries).decode() if entries else ""
    if _entry_points(text).get(lab.manifest.id) != package:
        raise ContentError(
            f"Not packed: no entry point {lab.manifest.id} in {GROUP} names the package {package}",
            "Give the entry point the id of tasks/lab.yaml, and the package's name as its value",
        )
    needed = list(_files(lab.folder.root, PARTS[:-1]))
    missing = [name for name in needed if f"{package}/{name}" not in names]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise ContentError(
            f"Not packed: the wheel would lack {missing[0]}{more}",
            "Is it excluded in pyproject.toml, or ignored by git?",
        )
    cases = [name for name in _files(lab.folder.root, PARTS[-1:]) if f"{package}/{name}" in names]
    return [] if cases else ["no cases in it: `author verify` cannot test the installed lab"]


def _entry_points(text: str) -> Mapping[str, str]:
    """Return the entry points of labs that a wheel has: package by id."""
    parser = ConfigParser(delimiters=("=",), interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign] # names keep their case
    parser.read_string(text)
    return dict(parser[GROUP]) if parser.has_section(GROUP) else {}


def _files(root: Path, parts: tuple[str, ...]) -> Iterator[str]:
    """Yield the files of a lab below some of its folders, relative to it."""
    for part in parts:
        for path in sorted((root / part).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(root).as_posix()


def _hand_over(wheel: Path, output: Path) -> Path:
    """Move a wheel into the folder where it is wanted, in the place of an older one."""
    try:
        output.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(wheel, output / wheel.name))
    except OSError as error:
        why = error.strerror or error
        raise LabError(f"{output} cannot be written: {why}", "Choose another with -o") from error
