"""Finds labs: the one that ships, those that distributions bring, and one in a folder.

A distribution brings a lab by an entry point of the group ``labgrader.labs``; its name is the lab's
id, its value a top-level package, which is found and never imported. Installing it is the consent
to run its checks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from labgrader import paths
from labgrader.content.lab_folder import LabFolder
from labgrader.content.lab_pack import LabPack, open_pack
from labgrader.errors import ContentError, LabError, UsageError
from labgrader.util.suggestion import unknown

GROUP = "labgrader.labs"
SHIPPED = "labgrader"
"""Who brings the lab that ships."""


@dataclass(frozen=True, slots=True)
class InstalledLab:
    """A lab that was found by its id: a pack, or why it cannot be used (``fault``)."""

    id: str
    origin: str
    pack: LabPack | None = None
    fault: LabError | None = None


def installed_labs() -> list[InstalledLab]:
    """Return every lab that is installed, the one that ships first; each is read by itself."""
    found: dict[str, InstalledLab] = {}
    for one in [*_shipped(), *_brought()]:
        if one.id in found:
            first = found[one.id].origin
            what = f"The id {one.id} is taken by {first}"
            fault = ContentError(f"{what}; the lab of {one.origin} is left out", "Uninstall one")
            found[f"{one.id} {one.origin}"] = InstalledLab(one.id, one.origin, fault=fault)
        else:
            found[one.id] = one
    return list(found.values())


def usable_labs() -> list[LabPack]:
    """Return the packs of the installed labs that can be read."""
    return [one.pack for one in installed_labs() if one.pack is not None]


def choose_lab(content: str | None, lab: str | None, variant: int | None = None) -> LabPack:
    """Return the lab in a folder, the one with an id, or the one that is there without asking.

    Args:
        content: a folder, as ``--content`` names it.
        lab: an id, as ``--lab`` names it.
        variant: the seed of a variant; None for the lab as it is written.

    Raises:
        UsageError: both are given, or there is no such lab, or several and none is chosen.
        ContentError: the lab cannot be read.
    """
    pack = _chosen(content, lab)
    if variant is None:
        return pack
    from labgrader.content import variants

    words = variants.draw(pack.manifest, variant)
    folder = variants.folder_of(pack.manifest, pack.folder, words)
    return open_pack(folder.root, f"{pack.origin}, variant {variant}")


def _chosen(content: str | None, lab: str | None) -> LabPack:
    if content and lab:
        raise UsageError("--content and --lab both choose a lab", "Leave one of them out")
    if content:
        return open_pack(Path(content))
    root = paths.content_root()
    if lab is None and LabFolder(root).manifest.is_file():
        return open_pack(root, SHIPPED)  # the usual case, and no distribution is looked at
    return _installed(lab)


def _installed(lab: str | None) -> LabPack:
    labs = installed_labs()
    chosen = [one for one in labs if lab in (None, one.id)]
    if lab is not None and not chosen:
        raise unknown("lab", lab, [one.id for one in labs])
    if not chosen:
        raise UsageError("No lab is installed", "Install one, or name a folder with --content")
    if lab is None and len(chosen) > 1:
        ids = ", ".join(one.id for one in chosen)
        raise UsageError(f"Several labs are installed: {ids}", "Choose one with --lab")
    first = chosen[0]
    if first.pack is None:
        raise first.fault or ContentError(f"The lab {first.id} cannot be read")
    return first.pack


def _shipped() -> Iterator[InstalledLab]:
    root = paths.content_root()
    if LabFolder(root).manifest.is_file():
        yield _opened(root, "", SHIPPED)


def _brought() -> Iterator[InstalledLab]:
    found = [(one.name, _origin(one), one) for one in metadata.entry_points(group=GROUP)]
    for _, origin, entry in sorted(found, key=lambda one: one[:2]):
        try:
            root = _folder(entry.value)
        except ContentError as error:
            yield InstalledLab(entry.name, origin, fault=error)
        else:
            yield _opened(root, entry.name, origin)


def _origin(entry: metadata.EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value


def _folder(package: str) -> Path:
    """Return the folder of a top-level package, without importing it.

    Raises:
        ContentError: there is no such package, or it is none with a folder.
    """
    if not package.isidentifier():
        raise ContentError(
            f"The entry point {package!r} is no top-level package",
            "Write the package's name alone",
        )
    spec = find_spec(package)
    places = list(spec.submodule_search_locations or ()) if spec else []
    if not places:
        raise ContentError(f"The package {package} is not there", "Install the lab again")
    return Path(places[0])


def _opened(root: Path, wanted: str, origin: str) -> InstalledLab:
    """Open a lab; what is wrong with it becomes its own line."""
    try:
        pack = open_pack(root, origin)
        _demand_fit(pack, wanted)
    except ContentError as error:
        return InstalledLab(wanted or root.name, origin, fault=error)
    return InstalledLab(pack.manifest.id, origin, pack)


def _demand_fit(pack: LabPack, wanted: str) -> None:
    """Raise ``ContentError`` where a lab is another one than announced, or for other versions."""
    manifest = pack.manifest
    if wanted and manifest.id != wanted:
        raise ContentError(
            f"The entry point {wanted} leads to a lab with the id {manifest.id}",
            "Give both the same name",
        )
    if manifest.requires and pack.origin != SHIPPED:
        from packaging.specifiers import InvalidSpecifier, SpecifierSet  # only for labs with some

        from labgrader import __version__

        try:
            fits = SpecifierSet(manifest.requires).contains(__version__, prereleases=True)
        except InvalidSpecifier as error:
            raise ContentError(
                f"The lab {manifest.id} needs labgrader {manifest.requires!r}, which is no version",
                "Write it as in a requirement: >=0.1",
            ) from error
        if not fits:
            raise ContentError(
                f"The lab {manifest.id} needs labgrader {manifest.requires}, and this is"
                f" {__version__}",
                "Install another version of one of them",
            )
