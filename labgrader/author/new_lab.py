"""Writes a lab that is whole: a distribution folder with one task, which an author changes.

The files are in ``lab_skeleton/``, each with the suffix ``.in``; ``@ID@`` and its like are filled
in. Skeletons of single parts are in ``scaffold``.
"""

from __future__ import annotations

import re
from pathlib import Path

from labgrader.author.distribution import distribution_name, package_name
from labgrader.author.scaffold import write_new
from labgrader.errors import UsageError

SKELETON = Path(__file__).parent / "lab_skeleton"
LONGEST = 40
"""Characters of a name: the lab's namespace has its name, and names of objects are limited."""

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_OF_KUBERNETES = re.compile(r"default|kube(-.*)?")


def new_lab(into: Path, name: str) -> list[str]:
    """Write the distribution folder of a new lab; return what to tell the author.

    Args:
        into: the folder that gets it.
        name: the lab's id, which is also the name of its folder and of its namespace.

    Raises:
        UsageError: the name is no id of a lab, or there is such a folder already.
    """
    _demand_name(name)
    root, package = into / name, package_name(name)
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise UsageError(f"{root} already exists", "Choose another name, or another --into")
    values = {
        "@ID@": name,
        "@PACKAGE@": package,
        "@DISTRIBUTION@": distribution_name(name),
        "@TITLE@": name.replace("-", " ").capitalize(),
    }
    texts = {}
    for source in sorted(path for path in SKELETON.rglob("*.in") if path.is_file()):
        place = source.relative_to(SKELETON).with_suffix("")
        parts = [package if part == "package" else part for part in place.parts]
        texts[root.joinpath(*parts)] = _filled(source.read_text(encoding="utf-8"), values)
    told = f"Next: `labgrader author verify --content {root / package}`"
    return [*write_new(texts), told]


def _demand_name(name: str) -> None:
    """Raise ``UsageError`` for what cannot be the id of a lab and the name of its namespace."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is not a lab id",
            "Use lowercase letters, digits and single -, with a letter first",
        )
    if len(name) > LONGEST:
        raise UsageError(
            f"{name!r} has {len(name)} characters", f"A lab id has at most {LONGEST} characters"
        )
    if _OF_KUBERNETES.fullmatch(name):
        raise UsageError(
            f"{name!r} is a namespace of Kubernetes, and a reset of the lab would delete it",
            "Choose another name",
        )


def _filled(text: str, values: dict[str, str]) -> str:
    for placeholder, value in values.items():
        text = text.replace(placeholder, value)
    return text
