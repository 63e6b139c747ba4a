"""A lab as a package: its folder, its manifest, and who brings it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labgrader.content import validation
from labgrader.content.lab_folder import LabFolder
from labgrader.errors import ContentError
from labgrader.model.manifest import FORMAT, Manifest, Operator, PolicyPlace
from labgrader.util.bounded_yaml import read_documents

MANIFEST_PAGE = "docs/lab-manifest.md"


@dataclass(frozen=True, slots=True)
class LabPack:
    """A lab that can be opened. ``origin`` says who brings it: a distribution, or a folder."""

    folder: LabFolder
    manifest: Manifest
    origin: str


def open_pack(root: Path, origin: str = "") -> LabPack:
    """Read the manifest of the lab in a folder.

    Raises:
        ContentError: there is none, or not one that this version can read.
    """
    folder = LabFolder(root)
    return LabPack(folder, read_manifest(folder), origin or str(root))


def read_manifest(folder: LabFolder) -> Manifest:
    """Return the manifest of a lab. Errors as ``open_pack``."""
    path = folder.manifest
    if not path.is_file():
        raise ContentError(
            f"{folder.root} is no lab: there is no tasks/lab.yaml in it",
            "Name a lab's folder with --content, or an installed lab with --lab",
        )
    documents = read_documents(path)
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise ContentError(f"{path} holds no mapping", f"{MANIFEST_PAGE} shows the format")
    data = documents[0]
    format_ = data.get("format", FORMAT)
    if not isinstance(format_, int) or isinstance(format_, bool) or not 1 <= format_ <= FORMAT:
        raise ContentError(
            f"{path} has the format {format_!r}, and this version reads up to {FORMAT}",
            "Install a newer labgrader: pip install --upgrade labgrader",
        )
    try:
        return _manifest(data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        validation.validate(path, "lab")
        raise ContentError(f"{path} cannot be read: {error!r}", f"See {MANIFEST_PAGE}") from error


def _manifest(data: Mapping[str, Any]) -> Manifest:
    exam, record = data.get("exam") or {}, data.get("record") or {}
    operator, policy = data.get("operator"), record.get("policy")
    namespace = str(data["namespace"])
    return Manifest(
        id=str(data["id"]),
        title=str(data["title"]),
        namespace=namespace,
        version=str(data.get("version", "")),
        requires=str(data.get("labgrader", "")),
        namespaces=_texts(data.get("namespaces")) or (namespace,),
        recorded_groups=_texts(record.get("groups")),
        definitions=_texts(data.get("definitions")),
        images=_texts(data.get("images")),
        samples=tuple(record.get("samples") or ()),
        policy=None if policy is None else PolicyPlace(str(policy["name"]), str(policy["key"])),
        points=int(data.get("points", 0)),
        exam_minutes=_figure(exam.get("minutes")),
        exam_pass=_figure(exam.get("pass")),
        operator=None if operator is None else _operator(operator),
        free_names=_texts(data.get("free_names")),
        variants={
            str(word): _texts(others) for word, others in (data.get("variants") or {}).items()
        },
    )


def _operator(data: Mapping[str, Any]) -> Operator:
    return Operator(
        package=str(data["package"]),
        account=str(data["account"]),
        lease=str(data["lease"]),
        task=str(data["task"]),
        settings=str(data.get("settings", "")),
        libraries=_texts(data.get("libraries")),
    )


def _texts(listed: Any) -> tuple[str, ...]:
    return tuple(str(one) for one in listed or ())


def _figure(value: Any) -> float | None:
    return None if value is None else float(value)
